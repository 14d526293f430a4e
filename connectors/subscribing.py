"""Subscribes the gateway to a connection's webhooks. Whatever dies on the way, the same call brings it to its end.

A secret is shown once. So a new subscription is made switched off, its secret is kept, and only then is it switched on; one whose secret
was never kept is of no use and is ended.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from connectors.rest.webhooks import Subscription, Subscriptions
from integration.webhook_secrets import WebhookSecrets


def register(there: Subscriptions, secrets: WebhookSecrets, url: str, events: Sequence[str]) -> tuple[Subscription, bool]:
    """The one subscription that is left of ours, with this address and these events; and whether anything had to be done."""
    listed, kept = there.list(), secrets.read()
    known = {one.key: one for one in listed if one.key in kept}
    newest = next((known[key] for key in kept if key in known), None)
    if newest is None:
        return _replace(there, secrets, url, events, listed), True
    right = newest.active and newest.url == url and set(newest.events) == set(events)
    standing = newest if right else there.change(newest.key, url, events)
    others = ours(listed, kept, url, but=standing.key)
    _end(there, others)
    if set(kept) != {standing.key}:
        secrets.write({standing.key: kept[standing.key]})
    return standing, not right or bool(others)


def rotate(there: Subscriptions, secrets: WebhookSecrets, url: str, events: Sequence[str]) -> Subscription:
    """A new subscription, and with it a new secret, in place of ours. Both secrets are kept while both subscriptions are on."""
    return _replace(there, secrets, url, events, there.list())


def unregister(there: Subscriptions, secrets: WebhookSecrets, url: str | None) -> int:
    """End ours; gives how many there were."""
    ended = ours(there.list(), secrets.read(), url)
    _end(there, ended)
    secrets.write({})
    return len(ended)


def _replace(
    there: Subscriptions, secrets: WebhookSecrets, url: str, events: Sequence[str], listed: Sequence[Subscription]
) -> Subscription:
    kept = secrets.read()
    made = there.subscribe(url, events)
    key = made.subscription.key
    secrets.write({key: made.secret, **kept})
    standing = there.change(key, url, events)
    # What these had still to deliver is dropped with them, so their secrets are needed no more.
    _end(there, ours(listed, kept, url))
    secrets.write({key: made.secret})
    return standing


def ours(listed: Sequence[Subscription], kept: Collection[str], url: str | None, *, but: str | None = None) -> list[Subscription]:
    """Those that come here, and those that came here under an address that has changed since."""
    return [one for one in listed if one.key != but and (one.url == url or one.key in kept)]


def _end(there: Subscriptions, ended: Sequence[Subscription]) -> None:
    for one in ended:
        there.unsubscribe(one.key)
