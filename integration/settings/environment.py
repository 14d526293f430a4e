"""The one reader of the environment: the variables by name, and the defaults of what stands outside connections and flows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from integration.settings.values import Wrong, is_loopback, split_url

CONFIG = "INTEGRATION_CONFIG"
DATABASE_URL = "DATABASE_URL"
REDIS_URL = "REDIS_URL"
KEY = "INTEGRATION_KEY"

FILE = Path("integration.toml")
HOME = ".integration"  # beside the configuration file, so that two configurations never share a ledger
LEDGER_FILE = "ledger.db"
SECRETS_FILE = "secrets.enc"
KEY_FILE = "key"
FLOWER_PASSWORD_FILE = "flower-password"  # noqa: S105 - a file's name; made by `integration up` where the configuration names none

FLOWER_PORT = 5555  # Flower's own default
FLOWER_USER = "operator"
METRICS_PORT = 9808  # what Prometheus lists for Celery exporters

_POSTGRESQL = "postgresql+psycopg"  # the driver that is installed; SQLAlchemy would look for psycopg2
_DATABASE_SCHEMES = {"postgresql": _POSTGRESQL, "postgres": _POSTGRESQL, _POSTGRESQL: _POSTGRESQL}


def variables() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def config_path(environ: Mapping[str, str]) -> Path:
    """The configuration file that INTEGRATION_CONFIG names, else ./integration.toml."""
    return Path(environ.get(CONFIG) or FILE)


def database_url(environ: Mapping[str, str], home: Path) -> str:
    """A SQLAlchemy URL: DATABASE_URL, else the SQLite file in `home`. Raises ValueError with the rest of a sentence."""
    value = environ.get(DATABASE_URL)
    if not value:
        return f"sqlite:///{home / LEDGER_FILE}"
    scheme, separator, rest = value.partition("://")
    if separator and scheme == "sqlite":
        name = rest.removeprefix("/").partition("?")[0]
        if not rest.startswith("/") or not name or name == ":memory:":
            raise Wrong("must name a file, as in sqlite:////var/lib/integration/ledger.db; several processes share the ledger.")
        return f"sqlite:///{Path(name).absolute()}{rest.removeprefix('/').removeprefix(name)}"
    if not separator or scheme not in _DATABASE_SCHEMES:
        raise Wrong("must begin with postgresql:// or sqlite:///; leave it unset for the SQLite file in the home folder.")
    if not split_url(value).path.strip("/"):
        raise Wrong("must name a database, as in postgresql://user:password@host:5432/integration.")
    return f"{_DATABASE_SCHEMES[scheme]}://{rest}"


def redis_url(environ: Mapping[str, str]) -> str | None:
    """REDIS_URL, or None for the embedded Valkey. Raises ValueError with the rest of a sentence."""
    value = environ.get(REDIS_URL)
    if not value:
        return None
    parts = split_url(value)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise Wrong("must begin with redis:// or rediss:// and a host; leave it unset for the embedded Valkey.")
    if "ssl_cert_reqs=" in parts.query and "ssl_cert_reqs=required" not in parts.query and not is_loopback(parts.hostname):
        raise Wrong("must not switch the check of the certificate off (ssl_cert_reqs); that is for this machine alone.")
    return value
