"""What a system answers beyond its contract is left out before anything is compared with it, or written back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from integration.ports import Body


class Known:
    """Knows the members below those of a record itself; of the record's own all stay, since they are asked for by name."""

    def __init__(self, paths: Iterable[str]) -> None:
        """`paths` as `ShippingAddress.City` or `Addresses[].Address.City`."""
        self._tree: dict[str, Any] = {}
        for path in paths:
            branch = self._tree
            for name in path.replace("[]", "").split("."):
                branch = branch.setdefault(name, {})

    def of(self, body: Body) -> Body:
        return {name: _known(value, self._tree.get(name, {})) for name, value in body.items()}


def _known(value: Any, branch: dict[str, Any]) -> Any:
    """A member of which nothing is known below stays as it is."""
    if not branch:
        return value
    if isinstance(value, list):
        return [_known(one, branch) for one in value]
    if isinstance(value, dict):
        return {name: _known(one, branch[name]) for name, one in value.items() if name in branch}
    return value
