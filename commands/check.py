"""`integration check`: whether everything that a start needs is there, each with a verdict and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import redis
from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from commands.configuration import incomplete
from commands.exits import Exit
from commands.invocation import Invocation
from commands.output import Column, console, json_option, print_json, print_table
from connectors import subscribing
from connectors.mappings import mapping_names, mapping_of
from connectors.registry import SYSTEMS, connect, definition, events_of_use, reachable
from integration.budget import SharedBudget
from integration.errors import Misconfigured, SyncError
from integration.ledger.database import open_engine
from integration.ledger.tables import budget as budget_table
from integration.ports import Budget
from integration.secrets import SecretsFile
from integration.settings import Connection, InvalidSettings, Problem, Settings
from integration.settings.environment import SECRETS_FILE
from integration.webhook_secrets import WebhookSecrets

_REDIS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`sentence` says what was found and, where it is not `ok`, what to do."""

    area: str
    name: str
    ok: bool
    sentence: str


@click.command()
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Check configuration, mappings, credentials and reachability."""
    with console(stderr=True).status("checking …"):
        verdicts = list(_verdicts(ctx.obj))
    if as_json:
        print_json([asdict(verdict) for verdict in verdicts])
    else:
        columns = [Column("ok", ""), Column("area", "What"), Column("name", "Which", style="bold"), Column("sentence", "Verdict")]
        print_table(map(asdict, verdicts), columns)
    if not all(verdict.ok for verdict in verdicts):
        ctx.exit(Exit.PERSON)


def _verdicts(invocation: Invocation) -> Iterator[Verdict]:
    try:
        settings, absent = incomplete(invocation)
    except InvalidSettings as fault:
        yield from (Verdict("configuration", problem.where, ok=False, sentence=problem.message) for problem in fault.problems)
        return
    except Misconfigured as fault:
        yield Verdict("configuration", fault.where, ok=False, sentence=fault.message.removeprefix(f"{fault.where}: "))
        return
    yield _configuration(settings)
    yield from _mappings(settings)
    yield from _credentials(settings, absent)
    try:
        engine = open_engine(settings.database_url)
    except SQLAlchemyError as fault:
        yield Verdict("database", "DATABASE_URL", ok=False, sentence=f"cannot be used ({type(fault).__name__}); mend the address.")
        return
    try:
        database, counts = _database(engine)
        yield database
        yield _redis(settings)
        for connection in settings.connections.values():
            if _complete(connection):
                yield from _asked(settings, connection, engine if counts else None)
    finally:
        engine.dispose()


def _configuration(settings: Settings) -> Verdict:
    if not settings.flows:
        return Verdict("configuration", str(settings.path), ok=False, sentence="no flow is configured; add a [flows.<name>] table.")
    sentence = f"connections: {', '.join(settings.connections)}; flows: {', '.join(settings.flows)}"
    return Verdict("configuration", str(settings.path), ok=True, sentence=sentence)


def _mappings(settings: Settings) -> Iterator[Verdict]:
    folder = settings.mappings_folder
    for system in sorted({connection.system for connection in settings.connections.values()}):
        for name in mapping_names(system):
            try:
                compiled = mapping_of(name, folder)
                yield Verdict("mapping", name, ok=True, sentence=f"{len(compiled.fields)} fields, version {compiled.version}")
            except Misconfigured as fault:
                yield Verdict("mapping", name, ok=False, sentence=fault.message)
    if folder:
        known = {name for system in SYSTEMS for name in mapping_names(system)}
        for file in sorted(folder.rglob("*.yaml")):
            name = file.relative_to(folder).with_suffix("").as_posix()
            if name not in known:
                yield Verdict("mapping", name, ok=False, sentence=f"{file} overrides no mapping; name it <system>/<entity>.yaml.")


def _credentials(settings: Settings, absent: tuple[Problem, ...]) -> Iterator[Verdict]:
    for connection in settings.connections.values():
        if _complete(connection):
            yield Verdict("credentials", connection.name, ok=True, sentence=f"all {len(connection.credentials)} are there")
    yield from (Verdict("credentials", problem.where, ok=False, sentence=problem.message) for problem in absent)


def _complete(connection: Connection) -> bool:
    return bool(connection.url) and set(SYSTEMS[connection.system].credentials) == set(connection.credentials)


def _database(engine: Engine) -> tuple[Verdict, bool]:
    """Also whether the ledger is there already, in which budgets are counted. Makes no file."""
    name = "PostgreSQL" if engine.dialect.name == "postgresql" else "SQLite"
    file = make_url(str(engine.url)).database if name == "SQLite" else None
    if file and not Path(file).exists():
        return Verdict("database", name, ok=True, sentence=f"{file} will be made by the first start"), False
    try:
        with engine.connect() as connection:
            connection.execute(text("select 1"))
            return Verdict("database", name, ok=True, sentence="answers"), inspect(connection).has_table(budget_table.name)
    except SQLAlchemyError as fault:
        reason = str(getattr(fault, "orig", None) or type(fault).__name__).splitlines()[0]
        return Verdict("database", name, ok=False, sentence=f"does not answer ({reason}); start it or mend DATABASE_URL."), False


def _redis(settings: Settings) -> Verdict:
    if settings.redis_url is None:
        return Verdict("redis", "embedded", ok=True, sentence="`integration up` starts its own Valkey")
    try:
        with redis.Redis.from_url(settings.redis_url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS) as client:
            client.ping()
    except (redis.RedisError, ValueError) as fault:
        return Verdict("redis", "REDIS_URL", ok=False, sentence=f"does not answer ({fault}); start it or mend REDIS_URL.")
    return Verdict("redis", "REDIS_URL", ok=True, sentence="answers")


class _Uncounted:
    """The budget where there is no ledger yet, and so no process that it would have to be shared with."""

    def request(self, *, writes: bool = False) -> AbstractContextManager[None]:
        return nullcontext()

    def linger(self, seconds: float, *, writes: bool = False) -> None:
        """Nobody else sends."""

    def pause(self, seconds: float) -> None:
        """Nobody else sends."""


def _asked(settings: Settings, connection: Connection, engine: Engine | None) -> Iterator[Verdict]:
    try:
        declared = definition(connection)
    except Misconfigured as fault:
        yield Verdict("connection", connection.name, ok=False, sentence=fault.message)
        return
    budget: Budget = (
        SharedBudget(engine, connection.name, declared.limits, declared.times.total, declared.times.settle) if engine else _Uncounted()
    )
    found = reachable(connection, budget)
    sentence = found.sentence.removeprefix(f"{connection.name}: ")
    advice = "" if found.ok else f"; look at [connections.{connection.name}] and at the network."
    yield Verdict("connection", connection.name, found.ok, sentence + advice)
    if found.ok and events_of_use(connection, settings.flows.values()):
        yield _subscribed(settings, connection, budget)


def _subscribed(settings: Settings, connection: Connection, budget: Budget) -> Verdict:
    secrets = WebhookSecrets(SecretsFile(settings.home / SECRETS_FILE, settings.master_key.reveal()), connection.name)
    url = f"{settings.gateway.url}/hooks/{connection.name}" if settings.gateway.url else None
    try:
        ours = subscribing.ours(connect(connection, budget).subscriptions.list(), secrets.read(), url)
    except SyncError as fault:
        return Verdict("webhooks", connection.name, ok=False, sentence=f"{fault}; what is subscribed cannot be told.")
    again = f"`integration webhooks register {connection.name}`"
    if not ours:
        return Verdict(
            "webhooks", connection.name, ok=True, sentence=f"not subscribed: what is new is found by polling; {again} subscribes"
        )
    if not any(one.active for one in ours):
        return Verdict("webhooks", connection.name, ok=False, sentence=f"the subscription is disabled, so nothing comes; run {again}.")
    if not connection.webhook_secrets:
        return Verdict("webhooks", connection.name, ok=False, sentence=f"subscribed, but its secret is not here; run {again}.")
    events = sorted({event for one in ours for event in one.events})
    return Verdict("webhooks", connection.name, ok=True, sentence=f"subscribed to {', '.join(events)}")
