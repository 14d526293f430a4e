"""What the verdict adds to that of the demo: customers, storms of 429, the order that kills, and letters of the other flows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from chaos.verdict import Evidence, Explained, judge
from chaos.weakness import POISON
from commands.demo.channeladvisor import ChannelAdvisor
from commands.demo.orders import Orders, Placing
from commands.demo.pairs import Pair
from commands.demo.tims import Tims

GUILTY = {"field": "", "message": "killed its worker 3 times"}
KEY = "5000000001"
PAIR = Pair(ChannelAdvisor(), Tims())


def placing(fate: Any, sku: str = "LAMP-001", fault: str = "") -> Placing:
    some = next(iter(Orders(PAIR, 1))).sale
    return Placing(some.with_first(sku=sku), (), fate, fault, ())


def letter(flow: str = "orders", key: str = KEY, reason: str = "it is so", fields: Sequence[dict[str, str]] = ()) -> Explained:
    return Explained(1, flow, key, reason, fields)


def evidence(letters: Sequence[Explained] = (), holds: Sequence[Explained] = (), **members: Any) -> Evidence:
    nothing: dict[str, Any] = {"orders": [], "shipments": [], "inventory": []}
    erp = {**nothing, "sales_orders": [], "customers": [], "items": [], **members.pop("erp", {})}
    stats = {"tims": {"refused": {}, "faults": {}, "contract_errors": [], **members.pop("tims", {})}}
    return Evidence(PAIR, nothing, erp, stats, letters, holds)


def test_nothing_is_wrong_where_nothing_happened() -> None:
    assert judge({}, evidence()) == []


def test_a_customer_that_was_made_twice_is_told_in_any_letter_case() -> None:
    people = [{"CustomerID": "C-1", "Email": "Ana@buyer.example"}, {"CustomerID": "C-2", "Email": "ana@buyer.example"}]
    assert judge({}, evidence(erp={"customers": people})) == ["a customer was made 2 times"]


@pytest.mark.parametrize(("refused", "told", "wrong"), [(5, 5, 0), (6, 5, 1)])
def test_a_429_counts_unless_it_was_told_to_be(refused: int, told: int, wrong: int) -> None:
    found = judge({}, evidence(tims={"refused": {"429": refused}, "faults": {"rate-limited": told}}))
    assert len(found) == wrong
    assert all("its limit was not kept" in one for one in found)


def test_an_order_that_kills_must_be_put_aside_as_such() -> None:
    killer = {KEY: placing("dead", POISON)}
    assert judge(killer, evidence([letter(fields=[GUILTY])])) == []
    assert any("kills each worker" in one for one in judge(killer, evidence([letter(fields=[{"field": "", "message": "no"}])])))
    assert any("and is none" in one for one in judge(killer, evidence()))


def test_an_order_that_was_near_when_a_worker_died_must_not_be_blamed() -> None:
    found = judge({KEY: placing("dead", fault="")}, evidence([letter(fields=[GUILTY])]))
    assert found == [f"order {KEY} is harmless, and is put aside as one that kills"]


def test_a_letter_of_another_flow_is_wrong_unless_its_parcel_left_too_late() -> None:
    of_stock = letter("stock", "LAMP-001")
    assert judge({}, evidence([of_stock])) == ["dead letter 1 of stock: it is so"]
    of_parcel = letter("shipments", "SH-1", f"shipped 2 units of the order {KEY}, which is cancelled")
    assert "dead letter 1 of shipments" in " ".join(judge({}, evidence([of_parcel])))
    assert "dead letter 1 of shipments" not in " ".join(judge({KEY: placing("too late", fault="status")}, evidence([of_parcel])))


def test_a_hold_of_another_flow_is_wrong_at_rest() -> None:
    assert judge({}, evidence(holds=[letter("shipments", "SH-1")])) == ["hold 1 of shipments: it is so"]
