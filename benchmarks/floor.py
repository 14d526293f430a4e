"""The floor: the bare loop that a good engineer writes in an hour, with no ledger, no queue and no second try.

`python -m benchmarks.floor CHANNEL_URL ERP_URL` takes over what is new each time it reads a line, and answers with a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import requests

from connectors.wiring import compiled
from integration.canonical import customer_of

TIMEOUT = 30

read_order = compiled("channeladvisor", "order", None).read
write_order = compiled("tims", "order", None).write
write_customer = compiled("tims", "customer", None).write


class Loop:
    def __init__(self, channel: str, erp: str) -> None:
        self.channel, self.erp = channel, erp
        self.to_channel = self.login(channel, ("demo-application", "demo-shared-secret"), "refresh_token", "demo-refresh-token")
        self.to_erp = self.login(erp, ("demo-client", "demo-client-secret"), "client_credentials")
        self.customers: dict[str, str] = {}
        self.since: str | None = None
        self.taken: set[int] = set()

    def login(self, url: str, user: tuple[str, str], grant: str, refresh_token: str | None = None) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        form = {"grant_type": grant, **({"refresh_token": refresh_token} if refresh_token else {})}
        answer = session.post(f"{url}/oauth2/token", data=form, auth=user, timeout=TIMEOUT)
        session.headers["Authorization"] = f"Bearer {self.body(answer)['access_token']}"
        return session

    def take_over(self) -> int:
        """Book every order that changed since the last time; gives how many."""
        before = len(self.taken)
        link: str | None = f"{self.channel}/v2/orders?pageSize=100" + (f"&updatedSince={self.since}" if self.since else "")
        while link:
            page = self.body(self.to_channel.get(link, timeout=TIMEOUT))
            for order in page["value"]:
                if order["ChannelAdvisorOrderID"] not in self.taken:
                    self.book(order)
                self.since = order["UpdatedDate"]
            link = page.get("nextLink")
        return len(self.taken) - before

    def book(self, order: dict[str, Any]) -> None:
        canonical = read_order(order)
        body = write_order(canonical) | {"CustomerID": self.customer(canonical)}
        del body["OrderStatus"]  # a create does not take it
        self.body(self.to_erp.post(f"{self.erp}/api/v1/sales-orders", json=body, timeout=TIMEOUT))
        key = order["ChannelAdvisorOrderID"]
        self.to_channel.post(f"{self.channel}/v2/orders/{key}/export", timeout=TIMEOUT).raise_for_status()
        self.taken.add(key)

    def customer(self, canonical: dict[str, Any]) -> str:
        email = canonical["customer"]["email"].lower()
        if email not in self.customers:
            address = f"{self.erp}/api/v1/customers"
            found = self.body(self.to_erp.get(address, params={"email": email}, timeout=TIMEOUT))["items"]
            one = found[0] if found else self.body(self.to_erp.post(address, json=write_customer(customer_of(canonical)), timeout=TIMEOUT))
            self.customers[email] = one["CustomerID"]
        return self.customers[email]

    def body(self, answer: requests.Response) -> Any:
        answer.raise_for_status()
        return answer.json()


if __name__ == "__main__":
    loop = Loop(*sys.argv[1:])
    for _ in sys.stdin:
        spent = time.process_time()
        orders = loop.take_over()
        sys.stdout.write(json.dumps({"orders": orders, "cpu": time.process_time() - spent}) + "\n")
        sys.stdout.flush()
