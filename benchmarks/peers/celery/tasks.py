"""The chain: a poll every few seconds reads what is new, and each order goes alone through map, customer, book and mark."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import cache
from typing import Any

import redis
import requests
from celery import Celery, chain

from benchmarks.peers.apis import Channel, Erp
from benchmarks.peers.sales_order import sales_order

URL = os.environ["PEER_REDIS_URL"]
app = Celery("peer", broker=URL, backend=URL)
app.conf.beat_schedule = {"poll": {"task": "poll", "schedule": float(os.environ.get("PEER_EVERY", "5"))}}
app.conf.beat_schedule_filename = os.environ.get("PEER_BEAT", "celerybeat-schedule")
app.conf.broker_connection_retry_on_startup = True

AGAIN = {"autoretry_for": (requests.RequestException,), "retry_backoff": True, "max_retries": 10}


@cache
def channel() -> Channel:
    return Channel()


@cache
def erp() -> Erp:
    return Erp()


@cache
def store() -> redis.Redis:
    return redis.Redis.from_url(URL, decode_responses=True)


@app.task(name="poll", **AGAIN)
def poll() -> None:
    link = None
    while True:
        page, link = channel().page(link, store().get("since"))
        for order in page:
            if store().sadd("seen", order["ChannelAdvisorOrderID"]):
                chain(transform.s(order), find_customer.s(), book.s(), mark.s()).delay()
        if page:
            store().set("since", page[-1]["UpdatedDate"])
        if not link:
            return


@app.task(name="transform")
def transform(order: dict[str, Any]) -> dict[str, Any]:
    return asdict(sales_order(order))


@app.task(name="find_customer", **AGAIN)
def find_customer(sold: dict[str, Any]) -> dict[str, Any]:
    sold["order"]["CustomerID"] = erp().customer(sold["email"], sold["customer"])
    return sold


@app.task(name="book", **AGAIN)
def book(sold: dict[str, Any]) -> int:
    erp().create(sold["order"])
    return int(sold["key"])


@app.task(name="mark", **AGAIN)
def mark(key: int) -> None:
    channel().mark(key)
