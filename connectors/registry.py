"""The systems this product speaks to, one line each, and the way to a connection of any of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from marshmallow import Schema

from connectors.channeladvisor import schemas as channeladvisor
from connectors.clarity import schemas as clarity
from connectors.rest import RestConnection
from connectors.rest.definition import Definition, load
from connectors.sage100 import schemas as sage100
from connectors.tims import schemas as tims
from integration.errors import Misconfigured, SyncError
from integration.ports import Budget
from integration.schema import paths
from integration.settings.model import Connection, Flow
from integration.suggest import did_you_mean

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class System:
    """A system by the word of the settings. `credentials`: what a connection must name, with a hint where a person finds it.
    `reads` and `writes`: the schemas of its records by entity; `profiles`: those that are written by version, where versions differ.

    `python -m connectors.simulation <name>` runs its simulator.
    """

    name: str
    title: str
    credentials: Mapping[str, str]
    reads: Mapping[str, Schema] = field(default_factory=dict)
    writes: Mapping[str, Schema] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[str, Schema]] = field(default_factory=dict)

    def writes_as(self, profile: str | None) -> Mapping[str, Schema]:
        """What is written in the version that a connection's `profile` names."""
        return self.writes if profile is None else self.profiles[profile]

    def known_paths(self, entity: str) -> frozenset[str]:
        """What a mapping of the entity may name on this system's side."""
        return frozenset().union(*(paths(schemas[entity]) for schemas in (self.reads, self.writes) if entity in schemas))

    @property
    def members(self) -> frozenset[str]:
        """Every path that one of its schemas names."""
        return frozenset().union(*(paths(schema) for schemas in (self.reads, self.writes) for schema in schemas.values()))

    @property
    def folder(self) -> Path:
        return _HERE / self.name

    @property
    def connector_file(self) -> Path:
        return self.folder / "connector.yaml"

    @property
    def contract_file(self) -> Path:
        return self.folder / "contract.yaml"


_CHANNELADVISOR = {
    "application_id": "application id of the developer console",
    "shared_secret": "shared secret of the same application",
    "refresh_token": "refresh token that the account's owner granted to the application",
}
_CLARITY = {
    "client_id": "client id of an API client of the store",
    "client_secret": "secret of the same client",
    "api_key": "X-Api-Key that was issued with the client id",
}
_SAGE100 = {
    "api_key": "key of the integration, as the REST front knows it (X-Api-Key)",
    "user": "Sage 100 user logon of the integration (X-Sage-User)",
    "company": "company code of three characters, as in ABC (X-Sage-Company)",
}
_TIMS = {"client_id": "client id of an API client in TIMS", "client_secret": "secret of the same client"}

SYSTEMS: Mapping[str, System] = {
    "channeladvisor": System("channeladvisor", "ChannelAdvisor", _CHANNELADVISOR, channeladvisor.READ, channeladvisor.WRITE),
    "clarity": System("clarity", "Clarity eCommerce", _CLARITY, clarity.READ, clarity.WRITE),
    "sage100": System("sage100", "Sage 100", _SAGE100, sage100.READ, sage100.WRITE, sage100.WRITES),
    "tims": System("tims", "TIMS", _TIMS, tims.READ, tims.WRITE),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found, in one sentence."""

    ok: bool
    sentence: str


def definition(connection: Connection) -> Definition:
    """The system's connector file with the connection's overrides. Raises Misconfigured."""
    system = SYSTEMS.get(connection.system)
    if system is None:
        raise Misconfigured(
            f"no system {connection.system!r}; {did_you_mean(connection.system, SYSTEMS)}", where=f"connection {connection.name}, system"
        )
    declared = load(system.connector_file, connection.overrides, connection.name)
    if declared.profile is not None and declared.profile not in system.profiles:
        sentence = f"{system.title} has no profile {declared.profile!r}"
        known = f"; {did_you_mean(declared.profile, system.profiles)}" if system.profiles else ""
        raise Misconfigured(sentence + known, where=f"connection {connection.name}, overrides.profile")
    return declared


def events_of_use(connection: Connection, flows: Iterable[Flow]) -> list[str]:
    """The events of the connection's webhooks that tell of anything that a flow reads from it."""
    declared = definition(connection).webhooks
    used = {flow.entity for flow in flows if flow.source == connection.name}
    return [event for event, named in declared.brings.items() if used & named.keys()] if declared is not None else []


def connect(connection: Connection, budget: Budget) -> RestConnection:
    """A Source and Target. Make one per process and connection and keep it. Raises Misconfigured; sends nothing."""
    return RestConnection(connection, definition(connection), budget, members=SYSTEMS[connection.system].members)


def reachable(connection: Connection, budget: Budget) -> Verdict:
    """A token and the cheapest read; raises nothing of the connection's."""
    try:
        return Verdict(ok=True, sentence=f"{connection.name}: {connect(connection, budget).check()}")
    except SyncError as fault:
        return Verdict(ok=False, sentence=str(fault))
