"""What all peers share of the systems' APIs: the logins, the ERP's sales orders with their customers, and the channel's mark.

A failed request raises `requests.HTTPError`; what then happens is each peer's own.
"""

from __future__ import annotations

import os
from typing import Any

import requests

from benchmarks.peers.sales_order import SalesOrder

TIMEOUT = 30
PAGE = 100


def channel_url() -> str:
    return os.environ["CHANNEL_URL"]


def erp_url() -> str:
    return os.environ["ERP_URL"]


def marked() -> bool:
    """Whether only orders are asked for that the channel does not have marked as exported."""
    return os.environ.get("ONLY_UNEXPORTED") == "1"


def query(since: str | None) -> dict[str, Any]:
    """What a list of new orders is asked with."""
    return {"pageSize": PAGE} | ({"updatedSince": since} if since else {}) | ({"exported": "false"} if marked() else {})


def channel_token() -> str:
    form = {"grant_type": "refresh_token", "refresh_token": "demo-refresh-token"}
    return _token(channel_url(), ("demo-application", "demo-shared-secret"), form)


def erp_token() -> str:
    return _token(erp_url(), ("demo-client", "demo-client-secret"), {"grant_type": "client_credentials"})


def _token(url: str, user: tuple[str, str], form: dict[str, str]) -> str:
    answer = requests.post(f"{url}/oauth2/token", data=form, auth=user, timeout=TIMEOUT)
    return str(body(answer)["access_token"])


def session(token: str) -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.headers["Authorization"] = f"Bearer {token}"
    return made


def body(answer: requests.Response) -> Any:
    answer.raise_for_status()
    return answer.json()


class Channel:
    def __init__(self) -> None:
        self._session = session(channel_token())

    def mark(self, key: int) -> None:
        """The order is booked."""
        self._session.post(f"{channel_url()}/v2/orders/{key}/export", timeout=TIMEOUT).raise_for_status()

    def page(self, link: str | None, since: str | None = None) -> tuple[list[dict[str, Any]], str | None]:
        """Orders, and the link to the next page."""
        address, asked = (link, None) if link else (f"{channel_url()}/v2/orders", query(since))
        found = body(self._session.get(address, params=asked, timeout=TIMEOUT))
        return found["value"], found.get("nextLink")


class Erp:
    """Remembers the customers that it has met."""

    def __init__(self) -> None:
        self._session = session(erp_token())
        self._customers: dict[str, str] = {}

    def book(self, sold: SalesOrder) -> None:
        self.create(sold.order | {"CustomerID": self.customer(sold.email, sold.customer)})

    def customer(self, email: str, new: dict[str, Any]) -> str:
        """The customer's id; made if there is none, and for each guest."""
        if email not in self._customers:
            address = f"{erp_url()}/api/v1/customers"
            found = body(self._session.get(address, params={"email": email}, timeout=TIMEOUT))["items"] if email else []
            one = found[0] if found else body(self._session.post(address, json=new, timeout=TIMEOUT))
            if not email:
                return str(one["CustomerID"])
            self._customers[email] = one["CustomerID"]
        return self._customers[email]

    def create(self, order: dict[str, Any]) -> None:
        body(self._session.post(f"{erp_url()}/api/v1/sales-orders", json=order, timeout=TIMEOUT))
