"""Whether a delivery is what it says: signed with a secret of ours, and of now (Standard Webhooks)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import EmptyWebhookSecretError

from integration.settings.model import Secret

HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
LONGEST_SIGNATURES = 2000
_ID = re.compile(r"[\x21-\x7e]{1,64}")
_SECONDS = re.compile(r"[0-9]{10}")
_SIGNATURE = re.compile(r"v1,[A-Za-z0-9+/]{43}=")


class Unsigned(Exception):
    """The delivery cannot be believed; the text says why."""


def verify(body: bytes, headers: Mapping[str, str], secrets: Iterable[Secret]) -> str:
    """The event's id. Raises Unsigned where no secret fits, or the delivery is more than five minutes from our clock."""
    event_id, timestamp, signatures = (headers.get(name, "") for name in HEADERS)
    if not _ID.fullmatch(event_id):
        raise Unsigned("webhook-id is missing or not an id")
    if not _SECONDS.fullmatch(timestamp):
        raise Unsigned("webhook-timestamp is missing or no Unix time")
    # Only what may be valid comes to the library, which stops at the first entry that it cannot read.
    entries = [entry for entry in signatures[:LONGEST_SIGNATURES].split(" ") if _SIGNATURE.fullmatch(entry)]
    if not entries:
        raise Unsigned("webhook-signature is missing or holds no signature of version 1")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Unsigned("the body is not UTF-8") from None
    told = {"webhook-id": event_id, "webhook-timestamp": timestamp, "webhook-signature": " ".join(entries)}
    reason = "no signature fits"
    for secret in secrets:
        try:
            Webhook(secret.reveal()).verify(text, told, json_parse=False)
        except WebhookVerificationError as error:
            reason = "the timestamp is more than five minutes from now" if "timestamp" in str(error) else reason
        except (ValueError, EmptyWebhookSecretError):
            reason = f"{secret} is no signing secret"
        else:
            return event_id
    raise Unsigned(reason)


def comes_from(address: str | None, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether the sender is in one of the networks; anywhere will do where none is set."""
    wanted = list(networks)
    if not wanted:
        return True
    try:
        sender = ip_address(address or "")
    except ValueError:
        return False
    if isinstance(sender, IPv6Address) and sender.ipv4_mapped is not None:
        sender = sender.ipv4_mapped
    return any(sender in network for network in wanted)
