"""Edits that a person makes on a source's payload, checked by the schema of the system that it came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from marshmallow import Schema

from connectors.registry import SYSTEMS
from integration.errors import Misconfigured
from integration.ledger import edits
from integration.ledger.edits import Edit
from integration.ports import Body
from integration.settings import Settings


def editor(settings: Settings, wanted: Sequence[Edit]) -> Callable[[str, Body], Body]:
    """Makes the edited payload of a flow's payload."""

    @cache
    def schema(flow: str) -> Schema | None:
        if flow not in settings.flows:
            raise Misconfigured(f"the flow `{flow}` is not configured any more")
        configured = settings.flows[flow]
        return SYSTEMS[settings.connections[configured.source].system].reads.get(configured.entity)

    return lambda flow, raw: edits.apply(raw, wanted, schema(flow))
