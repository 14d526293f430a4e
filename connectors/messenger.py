"""Sends a message to people through Apprise: mail, Slack, Teams, PagerDuty and whatever else it has an address scheme for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from integration.alerts import SENT
from integration.settings import Secret

SECONDS = 20.0
"""For all addresses together, which are spoken to side by side; the limits of Apprise itself are shorter, but for each socket read."""


def send(addresses: Sequence[Secret], title: str, body: str, *, good: bool) -> dict[str, str]:
    """What came of each address, by its reference: SENT, or in a few words why not. The addresses are secrets and are never repeated."""
    outcomes: dict[str, str] = {one.reference: f"no answer within {SECONDS:.0f} s" for one in addresses}
    threads = [
        # Daemons, for one that hangs must hold up nothing.
        threading.Thread(target=_send, args=(one, title, body, good, outcomes), name="messenger", daemon=True)
        for one in addresses
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    return dict(outcomes)


def _send(address: Secret, title: str, body: str, good: bool, outcomes: dict[str, str]) -> None:
    import apprise  # noqa: PLC0415  # a second and 30 MB, which most processes never need

    logging.getLogger("apprise").disabled = True  # it names hosts and addresses
    service = apprise.Apprise()
    try:
        if not service.add(address.reveal()):
            outcomes[address.reference] = "this is no address that Apprise knows"
            return
        kind = apprise.NotifyType.SUCCESS if good else apprise.NotifyType.WARNING
        taken = service.notify(title=title, body=body, notify_type=kind, body_format=apprise.NotifyFormat.TEXT)
        outcomes[address.reference] = SENT if taken else "it was refused, or could not be reached"
    except Exception as error:  # noqa: BLE001  # of a service's plugin; its text may hold the address
        outcomes[address.reference] = f"it failed ({type(error).__name__})"
