"""Webhooks: subscriptions, deliveries signed by Standard Webhooks, and their retries (`x-webhook-delivery` of the contracts)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from connectors.simulation.answers import Record
from connectors.simulation.faults import Faults
from connectors.simulation.records import Records

MOST_SUBSCRIPTIONS = 20
ANSWER_SECONDS = 10
AT_ONCE = 4  # deliveries under way; more would take the processor from the clients that are measured


@dataclass(frozen=True, slots=True)
class Words:
    """What a system calls the members of a subscription and the two values of its Status."""

    url: str
    events: str
    on: str
    off: str
    secret: str
    status: str = "Status"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one subscription; `id` and `body` are the same at every attempt. `again` marks one sent after its 2xx."""

    subscription: Any
    id: str
    body: bytes
    attempt: int = 0
    again: bool = False


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """The `webhook-signature` of a delivery; `secret` begins with `whsec_`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{message_id}.{timestamp}.".encode("ascii") + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode("ascii")


async def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """The status of a POST. Follows no redirect; raises OSError or ValueError where there is no answer."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or (443 if secure else 80), ssl=secure or None)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"POST {path} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        answer = await reader.read(65536)
        return int(answer.split(maxsplit=2)[1])
    finally:
        writer.close()


def deliverable(url: str) -> bool:
    """Whether deliveries can be posted there: the contracts ask for http or https."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


class Webhooks:
    """The subscriptions of a system and the queue of what they are still to receive."""

    def __init__(self, subscriptions: Records, words: Words, faults: Faults, retry_delays: Sequence[float]) -> None:
        self.subscriptions = subscriptions
        self._words = words
        self._faults = faults
        self._retry_delays = retry_delays
        self._secrets: dict[Any, str] = {}
        self._queue: list[tuple[float, int, Delivery]] = []
        self._turn = count()
        self._wake = asyncio.Event()

    def subscribe(self, record: Record) -> Record:
        """Store a subscription; the only answer that shows its secret."""
        self.subscriptions.add(record)
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")
        self._secrets[record[self.subscriptions.key]] = secret
        return {**record, self._words.secret: secret}

    def publish(self, event: str, timestamp: str, data: Mapping[str, Any]) -> None:
        """Queue an event for every subscription that wants it now."""
        wanted = [each for each in self.subscriptions if each[self._words.status] == self._words.on and event in each[self._words.events]]
        if not wanted:
            return
        body = json.dumps({"type": event, "timestamp": timestamp, "data": data}, ensure_ascii=False).encode()
        for subscription in wanted:
            delivery = Delivery(subscription[self.subscriptions.key], "msg_" + secrets.token_hex(12), body)
            late = self._faults.strikes("out-of-order-webhooks")
            self._push(delivery, 0 if late is None else 2 if late.delay is None else late.delay)

    async def deliver(self) -> None:
        """Send what is due, for ever."""
        free = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as under_way:
            while True:
                await free.acquire()
                under_way.create_task(self._attempt(await self._next(), free.release))

    async def _next(self) -> Delivery:
        while True:
            wait = self._queue[0][0] - time.monotonic() if self._queue else None
            if wait is not None and wait <= 0:
                return heappop(self._queue)[2]
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
            except TimeoutError:
                continue

    async def _attempt(self, delivery: Delivery, done: Callable[[], None]) -> None:
        try:
            subscription = self.subscriptions.get(delivery.subscription)
            if subscription is None or subscription[self._words.status] != self._words.on:
                return
            status = await self._post(subscription[self._words.url], delivery)
            if 200 <= status < 300:
                if not delivery.again and self._faults.strikes("duplicate-webhooks"):
                    self._push(replace(delivery, again=True), 0)
            elif status == 410:
                self.subscriptions.change(subscription, {self._words.status: self._words.off})
            elif delivery.attempt < len(self._retry_delays):
                self._push(replace(delivery, attempt=delivery.attempt + 1), self._retry_delays[delivery.attempt])
        finally:
            done()

    async def _post(self, url: str, delivery: Delivery) -> int:
        """The receiver's status; 0 where it gave none."""
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": delivery.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": sign(self._secrets[delivery.subscription], delivery.id, timestamp, delivery.body),
        }
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await post(url, headers, delivery.body)
        except (OSError, ValueError, IndexError):  # TimeoutError is an OSError
            return 0

    def _push(self, delivery: Delivery, seconds: float) -> None:
        heappush(self._queue, (time.monotonic() + seconds, next(self._turn), delivery))
        self._wake.set()
