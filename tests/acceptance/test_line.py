"""The whole line as it runs for real: workers, beat and Valkey as processes, the simulated systems over HTTP, each database in turn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import redis
from sqlalchemy import select

from integration.ledger import holds, tables
from integration.ledger.database import read
from integration.ledger.open_letters import open_letters
from tests.fixtures.line import (
    FLOW,
    Service,
    booked,
    key,
    open_line,
    order,
    place,
    wait_until_through,
    with_sku,
)
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators


def test_orders_are_booked_once_and_bad_ones_are_held_or_dead_letters(service: Service, simulators: Simulators) -> None:
    placed = place(simulators, 30)
    unknown, wrong_sum = simulators.channeladvisor.place(
        [with_sku(50, "NO-SUCH-THING"), order(51, TotalAmount="1.00", OrderID="wrong-sum")], check=False
    )
    service.worker()
    service.beat()
    wait_until_through(simulators, placed)
    with open_line() as house:
        letters = {letter.source_key: letter.reason for letter in open_letters(house.engine)}
        with read(house.engine) as connection:
            held = {hold.source_key: hold.awaits for hold in holds.listed(connection)}
    assert held == {key(unknown): "NO-SUCH-THING"}
    assert set(letters) == {key(wrong_sum)}
    assert "total" in letters[key(wrong_sum)]
    assert simulators.channeladvisor.stats()["refused"] == {}
    assert set(simulators.tims.stats()["refused"]) == {"404"}  # the unknown SKU


def test_a_wiped_redis_costs_time_and_nothing_else(service: Service, simulators: Simulators, redis_url: str) -> None:
    """Once while the only message of a batch waits in a queue, and once while another batch is being delivered."""
    simulators.tims.latency(100)
    placed = place(simulators, 20)
    service.worker("reader", "-Q", "control,ca.extract")
    service.beat()
    with redis.Redis.from_url(redis_url) as client:
        wait_for(lambda: client.llen("integration:ca.transform"))
        client.flushall()
        assert not client.llen("integration:ca.transform")
        service.worker()
        wait_for(lambda: len(booked(simulators)) > 3)
        placed += place(simulators, 10, first=100)
        client.flushall()
    wait_until_through(simulators, placed)


def test_two_beats_do_no_harm(service: Service, simulators: Simulators) -> None:
    placed = place(simulators, 20)
    service.worker()
    service.beat("beat-1")
    service.beat("beat-2")
    wait_until_through(simulators, placed)
    started_at = select(tables.run.c.started_at).order_by(tables.run.c.id)
    with open_line() as house:

        def started() -> Sequence[datetime]:
            with read(house.engine) as connection:
                return connection.execute(started_at).scalars().all()

        wait_for(lambda: len(started()) >= 8)
        runs = started()
        allowed = (runs[-1] - runs[0]).total_seconds() / house.settings.flows[FLOW].every + 2
    assert len(runs) <= allowed, "a tick was taken twice"


def test_two_workers_on_the_same_order(service: Service, simulators: Simulators) -> None:
    """A newer version is read while the first is still being sent."""
    simulators.tims.faults(hang={"times": 1, "delay": 2, "commit": True, "operations": ["createSalesOrder"]})
    (placed,) = place(simulators, 1)
    service.worker("worker-1", concurrency=1)
    service.worker("worker-2", concurrency=1)
    service.beat()
    wait_for(lambda: simulators.tims.stats()["faults"].get("hang"))
    simulators.channeladvisor.change(key(placed), ShippingMethod="Two Day Air")
    wait_for(lambda: "Two Day Air" in booked(simulators)[key(placed)][0]["Notes"])
    wait_until_through(simulators, [placed])


def test_two_orders_of_a_new_customer_in_two_workers(service: Service, simulators: Simulators) -> None:
    """The second is read while the customer is still being made for the first."""
    simulators.tims.faults(hang={"times": 1, "delay": 2, "commit": True, "operations": ["createCustomer"]})
    first, second = order(1), order(2)
    second["CustomerInfo"] = {**first["CustomerInfo"], "Email": first["CustomerInfo"]["Email"].upper()}
    placed = simulators.channeladvisor.place([first])
    service.worker("worker-1", concurrency=1)
    service.worker("worker-2", concurrency=1)
    service.beat()
    wait_for(lambda: simulators.tims.stats()["faults"].get("hang"))
    placed += simulators.channeladvisor.place([second])
    wait_until_through(simulators, placed)
    customers = {sales_order["CustomerID"] for one in placed for sales_order in booked(simulators)[key(one)]}
    assert len(customers) == 1


def test_a_stage_that_takes_too_long_hands_its_batch_back(service: Service, simulators: Simulators) -> None:
    """Its time is up while the target is asked for SKUs; that is nobody's fault, so nothing is put aside and nothing is counted."""
    simulators.tims.faults(hang={"delay": 2, "commit": True, "operations": ["getItem"]})
    placed = place(simulators, 3)
    service.worker("worker", "--soft-time-limit", "1")
    service.beat()
    wait_for(lambda: service.log("worker").count("time is up") >= 2)
    simulators.tims.clear()
    wait_until_through(simulators, placed)
    with open_line() as house:
        assert not open_letters(house.engine)
