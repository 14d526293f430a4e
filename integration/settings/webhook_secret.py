"""The name under which the signing secrets of a connection's webhooks are kept."""

from __future__ import annotations


def webhook_secret_name(connection: str) -> str:
    return f"webhook-{connection}"
