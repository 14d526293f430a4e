"""Several pairs in one installation, and several accounts of one system: nothing of one is taken for another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
from sqlalchemy import select

from integration import clock
from integration.ledger import budgets, tables
from integration.ledger.database import read
from integration.line import extract
from integration.line.journey import House
from integration.line.stage import work_on
from tests.fixtures.line import drain
from tests.fixtures.pairs import Erp, InSage, OnClarity, Shop, Sold, flows
from tests.fixtures.simulators import Clarity, Sage100, simulator
from tests.integration.line.conftest import letters

Configured = Callable[..., House]


@pytest.fixture(scope="module")
def other_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clarity, Sage100]]:
    folder = tmp_path_factory.mktemp("others")
    with simulator("clarity", folder / "clarity.log") as clarity, simulator("sage100", folder / "sage100.log") as sage100:
        yield Clarity(clarity), Sage100(sage100)


@pytest.fixture
def others(other_processes: tuple[Clarity, Sage100]) -> tuple[OnClarity, InSage]:
    """Another shop and another company of the same systems, which count their orders as the first ones do."""
    for one in other_processes:
        one.reset()
    clarity, sage100 = other_processes
    return OnClarity(clarity), InSage(sage100)


def pass_through(house: House, flow: str) -> None:
    """One poll of a flow, whatever the others are doing."""
    batch = extract.poll(house, flow, int(clock.now().timestamp() * 1000))
    bells = [(batch, "extract")] if batch is not None else []
    while bells:
        bells += work_on(house, *bells.pop(0))  # type: ignore[arg-type]


def holds_all(erp: Erp, placed: list[Sold]) -> None:
    found = {one.reference: (one.total, one.units) for one in erp.orders()}
    wanted = [(sold.total, sold.units) for sold in placed]
    assert [found.get(sold.number) or found.get(sold.key) for sold in placed] == wanted
    assert len(erp.orders()) == len(placed)


def test_two_shops_and_two_companies_of_the_same_systems(
    configured: Configured, shops: Mapping[str, Shop], erps: Mapping[str, Erp], others: tuple[OnClarity, InSage]
) -> None:
    sides = {"shop-a": shops["clarity"], "erp-a": erps["sage100"], "shop-b": others[0], "erp-b": others[1]}
    house = configured(sides, flows("shop-a", "erp-a", "a-") + flows("shop-b", "erp-b", "b-"))
    of_a, of_b = sides["shop-a"].place([1, 2]), sides["shop-b"].place([3, 4, 5])
    assert {sold.key for sold in of_a} < {sold.key for sold in of_b}, "both count alike"
    for pair in ("a", "b"):
        drain(house, f"{pair}-orders")
        drain(house, f"{pair}-status")
    holds_all(erps["sage100"], of_a)
    holds_all(others[1], of_b)
    for erp, shop, placed in ((erps["sage100"], sides["shop-a"], of_a), (others[1], sides["shop-b"], of_b)):
        first = next(one for one in erp.orders() if one.reference == placed[0].number)
        assert shop.order(placed[0]) == ("Processing", first.key)
    sent = next(one for one in others[1].orders() if one.reference == of_b[0].number)
    others[1].ship(sent, of_b[0].units, "1Z999AA10123456784")
    for pair in ("a", "b"):
        drain(house, f"{pair}-shipments")
    assert others[0].tracking(of_b[0]) == [("1Z999AA10123456784", of_b[0].units)]
    assert [sides["shop-a"].tracking(sold) for sold in of_a] == [[], []]
    assert letters(house) == []


def test_what_befalls_one_account_stops_no_other(
    configured: Configured,
    shops: Mapping[str, Shop],
    erps: Mapping[str, Erp],
    others: tuple[OnClarity, InSage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good, bad = shops["clarity"], others[0]
    monkeypatch.setattr(bad, "credentials", {**bad.credentials, "client_secret": "another"})
    sides = {"shop-a": good, "erp-a": erps["sage100"], "shop-b": bad, "erp-b": others[1]}
    house = configured(sides, flows("shop-a", "erp-a", "a-") + flows("shop-b", "erp-b", "b-"))
    placed = good.place([1])
    faulty = good.place([2])[0]
    shops["clarity"].simulator.change(faulty.key, total=1)  # type: ignore[attr-defined]
    bad.place([3])
    pass_through(house, "b-orders")
    pass_through(house, "a-orders")
    holds_all(erps["sage100"], placed)
    assert others[1].orders() == []
    with read(house.engine) as connection:
        paused = list(budgets.pauses(connection))
        cursors = dict(connection.execute(select(tables.cursor.c.flow, tables.cursor.c.position)).all())
    assert paused == ["shop-b"], "each account has a budget of its own"
    assert cursors["a-orders"] is not None and cursors["b-orders"] is None
    assert [(one.flow, one.source_key) for one in letters(house)] == [("a-orders", faulty.key)]


def test_two_pairs_and_a_buyer_of_both_shops(configured: Configured, shops: Mapping[str, Shop], erps: Mapping[str, Erp]) -> None:
    """Both shops sell for one company, and one of them for another ERP too."""
    sides = {"ca": shops["channeladvisor"], "clarity": shops["clarity"], "tims": erps["tims"], "sage": erps["sage100"]}
    house = configured(sides, flows("ca", "sage", "one-") + flows("clarity", "sage", "two-") + flows("clarity", "tims", "three-"))
    marketplace, web = shops["channeladvisor"].place([1, 2]), shops["clarity"].place([1, 3])
    for flow in ("one-orders", "two-orders", "three-orders"):
        drain(house, flow)
    holds_all(erps["tims"], web)
    holds_all(erps["sage100"], [*marketplace, *web])
    customer = {one.reference: one.customer for one in erps["sage100"].orders()}
    assert customer[marketplace[0].number] == customer[web[0].number], "one person is one customer of a company"
    assert len(set(customer.values())) == 3
    assert letters(house) == []
