"""Loads integration.toml and the environment into Settings; whatever is wrong is told at once, each with file and line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, TypeVar

from integration.errors import Misconfigured
from integration.settings import environment, flows, values
from integration.settings.model import Alerts, Connection, Flow, Gateway, Retention, Secret, Settings
from integration.settings.positions import find_lines
from integration.settings.problems import InvalidSettings, Problem, Problems
from integration.settings.references import References
from integration.settings.table import Table
from integration.settings.webhook_secret import webhook_secret_name

T = TypeVar("T")

_SYNTAX = re.compile(r"(?P<what>.*?) \(at (?:line (?P<line>\d+), column \d+|end of document)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """What settings must know of a system. `credentials`: each one's name with a hint where to find it."""

    credentials: Mapping[str, str]


def load(path: Path | None, environ: Mapping[str, str], systems: Mapping[str, SystemFacts]) -> Settings:
    """Complete settings; `path` None finds the file by INTEGRATION_CONFIG, else ./integration.toml. Raises Misconfigured."""
    settings, absent = inspect(path, environ, systems)
    if absent:
        raise InvalidSettings(absent)
    return settings


def inspect(path: Path | None, environ: Mapping[str, str], systems: Mapping[str, SystemFacts]) -> tuple[Settings, tuple[Problem, ...]]:
    """Settings whose credentials may be incomplete, with a problem for each value that is referred to but absent.

    An absent credential is left out and an absent url is empty. Raises Misconfigured for every other fault.
    """
    file = path or environment.config_path(environ)
    raw, problems = _parse(file)
    settings = _Reading(file, environ, systems, Table(problems, raw)).settings()
    if settings is None:
        raise InvalidSettings((*problems.faults, *problems.absent))
    return settings, tuple(problems.absent)


def _parse(file: Path) -> tuple[dict[str, Any], Problems]:
    try:
        text = file.read_bytes().decode()
    except FileNotFoundError:
        raise Misconfigured(
            "there is no configuration here; run `integration init` to write one, or name another with --config.", str(file)
        ) from None
    except UnicodeDecodeError:
        raise Misconfigured("is not UTF-8 text; save it as UTF-8.", str(file)) from None
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "not a path"
        raise Misconfigured(f"the configuration cannot be read ({reason}); name another with --config.", str(file)) from None
    try:
        raw = tomllib.loads(text)
        return raw, Problems(file, find_lines(text))
    except tomllib.TOMLDecodeError as fault:
        match = _SYNTAX.fullmatch(str(fault))
        line = int(match["line"]) if match and match["line"] else len(text.splitlines()) or 1
        what = match["what"] if match else str(fault)
        raise Misconfigured(f"this is not TOML: {what}; mend this line.", f"{file}:{line}") from None
    except (ValueError, RecursionError):
        raise Misconfigured("a number has too many digits, or tables are nested too deep; make them smaller.", str(file)) from None


class _Reading:
    """One pass over the file. Sections that others refer to come first."""

    def __init__(self, file: Path, environ: Mapping[str, str], systems: Mapping[str, SystemFacts], root: Table) -> None:
        self._file = file
        self._folder = file.absolute().parent
        self._environ = environ
        self._systems = systems
        self._root = root
        self._problems = root.problems

    def settings(self) -> Settings | None:
        """None where anything is at fault."""
        storage = self._root.table("storage")
        home = storage.get("home", self._path) or self._folder / environment.HOME
        storage.close()
        self._references = References(self._environ, home, self._folder)
        encryption = self._root.table("encryption")
        key = encryption.get("key", self._references.key)
        encryption.close()

        connections = self._named("connections", self._connection)
        moved = self._named("flows", self._flow)
        self._refuse_twins(moved)
        self._refuse_lonely_stock(moved)
        flower = self._root.table("flower")
        flower_port = flower.get("port", values.port) or environment.FLOWER_PORT
        flower_auth = self._flower_auth(flower, home)
        flower.close()
        metrics = self._root.table("metrics")
        metrics_port = metrics.get("port", values.port) or environment.METRICS_PORT
        metrics.close()
        gateway = self._gateway(self._root.table("gateway"))
        self._refuse_shared_ports({"flower": flower_port, "metrics": metrics_port, "gateway": gateway.port})
        alerts = self._alerts(self._root.table("alerts"))
        retention = self._retention(self._root.table("retention"))
        mappings = self._root.table("mappings")
        mappings_folder = mappings.get("folder", self._existing_folder)
        mappings.close()
        self._root.close()
        database_url = self._variable(environment.DATABASE_URL, lambda: environment.database_url(self._environ, home))
        redis_url = self._variable(environment.REDIS_URL, lambda: environment.redis_url(self._environ))
        if self._problems.faults or database_url is None:
            return None
        # Last, because it makes a key file where there is none.
        try:
            master_key = key or self._references.default_key()
        except InvalidSettings as fault:
            self._problems.faults.extend(fault.problems)
            return None
        return Settings(
            path=self._file,
            home=home,
            database_url=database_url,
            redis_url=redis_url,
            master_key=master_key,
            connections=connections,
            flows=moved,
            mappings_folder=mappings_folder,
            flower_port=flower_port,
            flower_auth=flower_auth,
            metrics_port=metrics_port,
            gateway=gateway,
            alerts=alerts,
            retention=retention,
        )

    def _named(self, section: str, read: Callable[[str, Table], T | None]) -> dict[str, T]:
        entries = {}
        for name, table in self._root.table(section).tables().items():
            try:
                values.check_name(name)
            except ValueError as fault:
                self._problems.fault(table.path, f"the name `{name}` {fault}")
            entry = read(name, table)
            table.close()
            if entry is not None:
                entries[name] = entry
        return entries

    def _connection(self, name: str, table: Table) -> Connection | None:
        system = table.get("system", values.one_of(self._systems, "system"), required="which system it is an account of")
        url = table.get("url", self._references.url(values.url), required='the address of its API, or "env:NAME"')
        verify_tls = table.get("verify_tls", values.flag)
        if verify_tls is False and url and not values.is_loopback(values.split_url(url).hostname or ""):
            self._problems.fault((*table.path, "verify_tls"), "`verify_tls` may be false for this machine alone (127.0.0.1, localhost).")
        overrides = table.get("overrides", values.free_table) or {}
        credentials = table.table("credentials")
        webhook_secrets, webhook_networks = self._webhooks(name, table.table("webhooks"))
        if system is None:
            return None
        found = {
            key: credentials.get(key, self._references.credential, required=hint) for key, hint in self._systems[system].credentials.items()
        }
        credentials.close()
        return Connection(
            name=name,
            system=system,
            url=url or "",
            credentials={key: secret for key, secret in found.items() if secret is not None},
            overrides=overrides,
            verify_tls=verify_tls is not False,
            webhook_secrets=webhook_secrets,
            webhook_networks=webhook_networks,
        )

    def _webhooks(self, name: str, table: Table) -> tuple[tuple[Secret, ...], tuple[IPv4Network | IPv6Network, ...]]:
        """What `webhooks register` has kept, besides what the file names; several stand in one secret, with spaces between them."""
        named = table.get("secret", self._references.credential)
        kept = named or self._references.kept_secret(webhook_secret_name(name))
        networks = table.get("networks", values.networks) or ()
        table.close()
        return (tuple(Secret(kept.reference, one) for one in kept.reveal().split()) if kept else ()), networks

    def _flow(self, name: str, table: Table) -> Flow | None:
        return flows.flow(name, table, self._root.table("connections").tables())

    def _refuse_twins(self, moved: Mapping[str, Flow]) -> None:
        first: dict[tuple[str, str, str], str] = {}
        for flow in moved.values():
            twin = first.setdefault((flow.entity, flow.source, flow.target), flow.name)
            if twin != flow.name:
                self._problems.fault(("flows", flow.name), f"the flow `{flow.name}` moves the same as `{twin}`; take one of them out.")

    def _refuse_lonely_stock(self, moved: Mapping[str, Flow]) -> None:
        """Which units of the ERP's are promised already, and whom an invoice is for, the orders beside it tell."""
        orders = {(flow.source, flow.target) for flow in moved.values() if flow.entity == "order"}
        for flow in moved.values():
            if flow.entity in ("stock", "invoice") and (flow.target, flow.source) not in orders:
                sentence = f"the flow `{flow.name}` needs one of orders from `{flow.target}` to `{flow.source}` beside it; add that."
                self._problems.fault(("flows", flow.name), sentence)

    def _flower_auth(self, table: Table, home: Path) -> Secret | None:
        user = table.get("user", values.text) or environment.FLOWER_USER
        password = table.get("password", self._references.credential) or _kept(home / environment.FLOWER_PASSWORD_FILE)
        if ":" in user:
            self._problems.fault((*table.path, "user"), "`user` must not hold a colon; basic auth ends the user there.")
        return Secret(password.reference, f"{user}:{password.reveal()}") if password else None

    def _gateway(self, table: Table) -> Gateway:
        options = table.given(
            {"host": values.text, "port": values.port, "url": self._references.url(values.url), "proxies": values.networks}
        )
        table.close()
        return Gateway(**options)

    def _refuse_shared_ports(self, ports: Mapping[str, int]) -> None:
        first: dict[int, str] = {}
        for section, port in ports.items():
            other = first.setdefault(port, section)
            if other != section:
                self._problems.fault((section, "port"), f"`port` {port} is that of [{other}] already; choose another.")

    def _alerts(self, table: Table) -> Alerts:
        options = table.given({"after": values.seconds(least=0)})
        urls = table.get("urls", values.texts) or ()
        table.close()
        return Alerts(urls=tuple(secret for place, one in enumerate(urls) if (secret := self._alert_url(table, place, one))), **options)

    def _alert_url(self, table: Table, place: int, reference: str) -> Secret | None:
        # Each holds a token or a password, so each is a reference.
        try:
            return self._references.credential(reference)
        except ValueError as fault:
            self._problems.fault((*table.path, "urls"), f"`urls[{place}]` {fault}")
        except values.Absent as absent:
            self._problems.missing((*table.path, "urls"), f"`urls[{place}]`: {absent}")
        return None

    def _retention(self, table: Table) -> Retention:
        options = table.given({"payloads": values.seconds(least=3600), "traces": values.seconds(least=3600)})
        table.close()
        return Retention(**options)

    def _path(self, raw: Any) -> Path:
        """A folder, beside the file where it is not absolute; it need not exist."""
        value = values.text(raw)
        if value.startswith("~"):
            raise values.Wrong("must be written out; ~ is not read here.")
        path = self._folder / value
        try:
            if path.exists() and not path.is_dir():
                raise values.Wrong(f"names {path}, which is a file; name a folder.")
        except OSError as fault:
            raise values.Wrong(f"names a folder that cannot be used ({fault.strerror}); name another.") from None
        return path

    def _existing_folder(self, raw: Any) -> Path:
        folder = self._path(raw)
        if not folder.exists():
            raise values.Wrong(f"names {folder}, which is not there; make it, or take the key out.")
        return folder

    def _variable(self, name: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except ValueError as fault:
            self._problems.faults.append(Problem(name, 0, str(fault)))
            return None


def _kept(file: Path) -> Secret | None:
    """The password that was made because none is configured."""
    try:
        return Secret(f"file:{file}", file.read_text().strip())
    except OSError:
        return None
