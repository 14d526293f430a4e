"""The demo's home folder: a configuration of its own between two simulated systems, and the way to start them."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from commands.child import Child
from commands.demo.pairs import Pair
from commands.demo.sides import Erp, Shop
from commands.ports import free_ports
from integration.master_key import make_key_file, read_key
from integration.secrets import SecretsFile
from integration.settings.environment import KEY_FILE, SECRETS_FILE

FOLDER = Path(".integration-demo")
LOCK = "supervisor.lock"
FLOW = "orders"
LATENCY_MS = 20
"""What a request to a system not far away takes."""

CONFIGURATION = """\
# Written by `integration demo`, for the simulated systems that run beside it.
[connections.{shop}]
system = "{shop}"
url = "{shop_url}"
[connections.{shop}.credentials]
{shop_credentials}

[connections.{erp}]
system = "{erp}"
url = "{erp_url}"
[connections.{erp}.credentials]
{erp_credentials}

[flows.{flow}]
entity = "order"
source = "{shop}"
target = "{erp}"
every = {often}
out_of_stock = "hold"

[flows.order-status]
entity = "order_status"
source = "{erp}"
target = "{shop}"
every = {seldom}

[flows.shipments]
entity = "shipment"
source = "{erp}"
target = "{shop}"
every = {seldom}

[flows.stock]
entity = "stock"
source = "{erp}"
target = "{shop}"
every = {seldom}
overlap = {late}

[storage]
home = "."

[flower]
port = {flower}

[metrics]
port = {metrics}
"""


@dataclass(frozen=True, slots=True)
class DemoHome:
    """What was made: the configuration file, each simulator's port, and how many goods they start with."""

    configuration: Path
    ports: dict[str, int]
    items: int

    def url(self, system: str) -> str:
        return f"http://127.0.0.1:{self.ports[system]}"

    def simulators(self) -> list[Child]:
        options = ("--items", str(self.items), "--latency-ms", str(LATENCY_MS))
        return [
            Child(name, [sys.executable, "-m", "connectors.simulation", name, "--port", str(port), *options], grace=3.0)
            for name, port in self.ports.items()
        ]


def furnish(folder: Path, pair: Pair) -> DemoHome:
    """Make the folder new, with configuration, key and secrets; what an earlier demo left goes. Its lock must be held."""
    clear(folder)
    shop, erp = pair.sides
    flower, metrics, *ports = free_ports(4)
    home = DemoHome(folder / "integration.toml", dict(zip((shop.system, erp.system), ports, strict=True)), erp.items)
    make_key_file(folder / KEY_FILE)
    secrets = {f"{side.system}-{name}": value for side in pair.sides for name, value in side.credentials.items()}
    SecretsFile(folder / SECRETS_FILE, read_key(folder / KEY_FILE)).write(secrets)
    home.configuration.write_text(
        CONFIGURATION.format(
            shop=shop.system,
            shop_url=home.url(shop.system),
            shop_credentials=_references(shop),
            erp=erp.system,
            erp_url=home.url(erp.system),
            erp_credentials=_references(erp),
            flow=FLOW,
            often=shop.every,
            seldom=erp.every,
            late=shop.late,
            flower=flower,
            metrics=metrics,
        )
    )
    return home


def clear(folder: Path) -> None:
    """Take away all that a demo leaves, but for what its supervisor holds."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


def remove(folder: Path) -> None:
    """Leave nothing behind; the supervisor must have ended."""
    clear(folder)
    (folder / LOCK).unlink()
    folder.rmdir()


def _references(side: Shop | Erp) -> str:
    return "\n".join(f'{name} = "secret:{side.system}-{name}"' for name in side.credentials)
