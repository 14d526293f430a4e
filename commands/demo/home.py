"""The demo's home folder: a configuration of its own between two simulated systems, and the way to start them."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from commands.child import Child
from commands.demo.orders import ITEMS
from commands.ports import free_ports
from integration.master_key import make_key_file, read_key
from integration.secrets import SecretsFile
from integration.settings.environment import KEY_FILE, SECRETS_FILE

FOLDER = Path(".integration-demo")
LOCK = "supervisor.lock"
CHANNEL, ERP, FLOW = "channeladvisor", "tims", "orders"
LATENCY_MS = 20
"""What a request to a system not far away takes."""

CREDENTIALS = {
    CHANNEL: {"application_id": "demo-application", "shared_secret": "demo-shared-secret", "refresh_token": "demo-refresh-token"},
    ERP: {"client_id": "demo-client", "client_secret": "demo-client-secret"},
}
"""What the simulators take, see their `simulator.py`."""

CONFIGURATION = """\
# Written by `integration demo`, for the simulated systems that run beside it.
[connections.{channel}]
system = "{channel}"
url = "{channel_url}"
[connections.{channel}.credentials]
{channel_credentials}

[connections.{erp}]
system = "{erp}"
url = "{erp_url}"
[connections.{erp}.credentials]
{erp_credentials}

[flows.{flow}]
entity = "order"
source = "{channel}"
target = "{erp}"
every = "1s"
out_of_stock = "hold"

[flows.order-status]
entity = "order_status"
source = "{erp}"
target = "{channel}"
every = "2s"

[flows.shipments]
entity = "shipment"
source = "{erp}"
target = "{channel}"
every = "2s"

[flows.stock]
entity = "stock"
source = "{erp}"
target = "{channel}"
every = "2s"

[storage]
home = "."

[flower]
port = {flower}

[metrics]
port = {metrics}
"""


@dataclass(frozen=True, slots=True)
class DemoHome:
    """What was made: the configuration file, and each simulator's port."""

    configuration: Path
    ports: dict[str, int]

    def url(self, system: str) -> str:
        return f"http://127.0.0.1:{self.ports[system]}"

    def simulators(self) -> list[Child]:
        options = ("--items", str(ITEMS), "--latency-ms", str(LATENCY_MS))
        return [
            Child(name, [sys.executable, "-m", "connectors.simulation", name, "--port", str(port), *options], grace=3.0)
            for name, port in self.ports.items()
        ]


def furnish(folder: Path) -> DemoHome:
    """Make the folder new, with configuration, key and secrets; what an earlier demo left goes. Its lock must be held."""
    clear(folder)
    channel, erp, flower, metrics = free_ports(4)
    home = DemoHome(folder / "integration.toml", {CHANNEL: channel, ERP: erp})
    make_key_file(folder / KEY_FILE)
    secrets = {f"{system}-{name}": value for system, values in CREDENTIALS.items() for name, value in values.items()}
    SecretsFile(folder / SECRETS_FILE, read_key(folder / KEY_FILE)).write(secrets)
    home.configuration.write_text(
        CONFIGURATION.format(
            channel=CHANNEL,
            channel_url=home.url(CHANNEL),
            channel_credentials=_references(CHANNEL),
            erp=ERP,
            erp_url=home.url(ERP),
            erp_credentials=_references(ERP),
            flow=FLOW,
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


def _references(system: str) -> str:
    return "\n".join(f'{name} = "secret:{system}-{name}"' for name in CREDENTIALS[system])
