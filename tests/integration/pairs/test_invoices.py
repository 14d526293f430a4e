"""Invoices of the ERP and the shop's orders on account: staff reads how far they are paid, and what is paid in full is completed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from sqlalchemy import select, update

from commands.cli import cli
from integration import clock
from integration.ledger import tables
from integration.ledger.database import read, write
from integration.line import holds, retention
from integration.line.journey import House
from tests.fixtures.line import drain, let_holds_expire
from tests.fixtures.pairs import Held, InSage, OnClarity, Sold, flows
from tests.fixtures.simulators import Clarity, Sage100
from tests.integration.line.conftest import letters, states
from tests.integration.pairs.conftest import Configured

INVOICES = """
[flows.invoices]
entity = "invoice"
source = "erp"
target = "shop"
overlap = "10m"
"""
ON_ACCOUNT = [{"gateway": "Invoice"}]


@pytest.fixture
def shop(clarity_simulator: Clarity) -> OnClarity:
    return OnClarity(clarity_simulator)


@pytest.fixture
def erp(sage100_simulator: Sage100) -> InSage:
    return InSage(sage100_simulator)


@pytest.fixture
def house(configured: Configured, shop: OnClarity, erp: InSage) -> House:
    return configured({"shop": shop, "erp": erp}, flows("shop", "erp") + INVOICES)


def synced(house: House, erp: InSage, *names: str) -> None:
    """Work on these flows once what has changed in the ERP is a second old."""
    now = datetime.fromisoformat(erp.simulator.world("clock")["now"])
    erp.simulator.world("clock", now=(now + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    for name in names:
        drain(house, name)


def booked(house: House, shop: OnClarity, erp: InSage, **members: Any) -> tuple[Sold, Held]:
    (sold,) = shop.place([1], payments=ON_ACCOUNT, **members)
    drain(house, "orders")
    (held,) = erp.orders()
    return sold, held


def billed(erp: InSage, held: Held, *units: tuple[str, int]) -> str:
    """Ship these units, or all, and post the invoice; gives its number."""
    erp.ship(held, list(units) or held.units, "1Z999AA10123456784")
    number = str(erp.simulator.state()["shipments"][-1]["InvoiceNo"])
    erp.simulator.world("post", InvoiceNo=number)
    return number


def messages(shop: OnClarity) -> list[str]:
    """What staff was shown, in its order."""
    return [one["statusMessage"] for one in shop.simulator.state()["messages"]]


def status(shop: OnClarity, sold: Sold) -> str:
    return shop.order(sold)[0]


def test_an_order_on_account_is_completed_when_its_invoice_is_paid(house: House, shop: OnClarity, erp: InSage) -> None:
    sold, held = booked(house, shop, erp)
    number = billed(erp, held)
    synced(house, erp, "status", "shipments", "invoices")
    assert status(shop, sold) == "Shipped"
    erp.simulator.world("pay", InvoiceNo=number, Amount=10)
    synced(house, erp, "invoices")
    assert status(shop, sold) == "Shipped"
    erp.simulator.world("pay", InvoiceNo=number)
    synced(house, erp, "invoices")
    assert status(shop, sold) == "Completed"
    total = f"{sold.total:.2f}"
    assert messages(shop) == [
        f"Invoice {number} of {total} is open",
        f"Invoice {number} of {total}: {sold.total - 10:.2f} open",
        f"Invoice {number} of {total} is settled",
    ]
    before = shop.simulator.stats()["requests"]["updateOrder"]
    synced(house, erp, "invoices", "status", "shipments", "orders", "invoices")
    assert shop.simulator.stats()["requests"]["updateOrder"] == before, "the echo of all that is no change"
    assert letters(house) == []
    shop.check()
    erp.check()


def test_the_story_of_an_order_tells_its_invoices(house: House, shop: OnClarity, erp: InSage) -> None:
    sold, held = booked(house, shop, erp)
    number = billed(erp, held)
    synced(house, erp, "shipments", "invoices")
    result = CliRunner().invoke(cli, ["trace", sold.number, "--json"], prog_name="integration")
    stories = {story["flow"]: story for story in json.loads(result.stdout)}
    assert stories["invoices"]["source_key"] == f"{number}-000000"
    assert f"Invoice {number} of {sold.total:.2f} is open" in json.dumps(stories["invoices"])


def test_what_an_order_was_billed_goes_with_its_story(house: House, shop: OnClarity, erp: InSage) -> None:
    _, held = booked(house, shop, erp)
    number = billed(erp, held)
    synced(house, erp, "shipments", "invoices")
    long_ago = clock.now() - timedelta(days=366)
    for paid, left in ((False, 1), (True, 0)):
        if paid:
            erp.simulator.world("pay", InvoiceNo=number)
            synced(house, erp, "invoices")
        with write(house.engine) as connection:
            connection.execute(update(tables.record).values(finished_at=long_ago))
        retention.forget(house)
        with read(house.engine) as connection:
            assert len(connection.execute(select(tables.billed)).all()) == left
            assert connection.execute(select(tables.record.c.id).where(tables.record.c.flow == "invoices")).all() == []
    assert letters(house) == []


def test_an_order_in_two_parcels_is_completed_with_its_last_invoice(house: House, shop: OnClarity, erp: InSage) -> None:
    sold, held = booked(house, shop, erp)
    first = billed(erp, held, held.units[0])
    erp.simulator.world("pay", InvoiceNo=first)
    synced(house, erp, "shipments", "invoices")
    assert status(shop, sold) == "Processing"
    second = billed(erp, held, held.units[1])
    synced(house, erp, "shipments", "invoices")
    assert status(shop, sold) == "Shipped"
    erp.simulator.world("pay", InvoiceNo=second)
    synced(house, erp, "invoices")
    assert status(shop, sold) == "Completed"
    assert [message.count("settled") for message in messages(shop)] == [1, 1, 2]
    assert letters(house) == []
    shop.check()


def test_a_credit_memo_is_told_and_settles_like_a_payment(house: House, shop: OnClarity, erp: InSage) -> None:
    sold, held = booked(house, shop, erp)
    number = billed(erp, held)
    synced(house, erp, "shipments", "invoices")
    credit(erp, held, number, 12.5)
    synced(house, erp, "invoices")
    assert messages(shop)[-1] == f"Invoice {number} of {sold.total:.2f}: {sold.total - Decimal('12.5'):.2f} open, 12.50 of it credited"
    erp.simulator.world("pay", InvoiceNo=number)
    synced(house, erp, "invoices")
    assert status(shop, sold) == "Completed"
    assert messages(shop)[-1] == f"Invoice {number} of {sold.total:.2f} is settled, 12.50 of it credited"
    assert letters(house) == []


def credit(erp: InSage, held: Held, number: str, amount: float) -> None:
    """The front's own way to enter a credit memo."""
    division, _, customer = held.customer.partition("-")
    today = erp.simulator.world("clock")["DateUpdated"]
    memo = {
        "InvoiceType": "CM",
        "InvoiceDate": today,
        "ARDivisionNo": division,
        "CustomerNo": customer,
        "ApplyToInvoiceNo": number,
        "Lines": [{"SalesAcctKey": "000000040", "ExtensionAmt": amount}],
    }
    headers = {"X-Api-Key": "demo-api-key", "X-Sage-User": "demo-user", "X-Sage-Company": "ABC"}
    with requests.Session() as session:
        session.trust_env = False
        assert session.post(f"{erp.url}/AR/Invoice", json=memo, headers=headers, timeout=10).json()["Result"] == 1


def test_an_invoice_number_that_comes_again_counts_by_its_newest(house: House, shop: OnClarity, erp: InSage) -> None:
    sold, held = booked(house, shop, erp)
    erp.simulator.faults({"invoice-number-reused": {}})
    number = billed(erp, held)
    synced(house, erp, "shipments", "invoices")
    assert [one["HeaderSeqNo"] for one in erp.simulator.state()["invoices"]] == ["000000", "000001"]
    assert states(house, "invoices")[:2] == [(f"{number}-000000", "skipped"), (f"{number}-000001", "done")]
    erp.simulator.world("pay", InvoiceNo=number)
    synced(house, erp, "invoices")
    assert status(shop, sold) == "Completed"
    assert letters(house) == []


def test_an_order_that_was_paid_in_the_shop_is_left_alone(house: House, shop: OnClarity, erp: InSage) -> None:
    (sold,) = shop.place([1])
    drain(house, "orders")
    (held,) = erp.orders()
    number = billed(erp, held)
    erp.simulator.world("pay", InvoiceNo=number)
    synced(house, erp, "shipments", "invoices")
    assert (status(shop, sold), messages(shop)) == ("Shipped", [])
    assert {state for _, state in states(house, "invoices")} == {"skipped"}


def test_what_is_paid_before_the_shop_knows_the_parcel_waits_for_it(house: House, shop: OnClarity, erp: InSage) -> None:
    sold, held = booked(house, shop, erp)
    number = billed(erp, held)
    erp.simulator.world("pay", InvoiceNo=number)
    synced(house, erp, "invoices")
    assert status(shop, sold) == "Processing"
    assert {state for _, state in states(house, "invoices")} == {"held"}
    synced(house, erp, "shipments")
    look_at_holds(house)
    drain(house, "invoices")
    assert status(shop, sold) == "Completed"
    assert letters(house) == []


def test_a_parcel_that_never_comes_is_a_persons(house: House, shop: OnClarity, erp: InSage) -> None:
    _, held = booked(house, shop, erp)
    erp.simulator.world("pay", InvoiceNo=billed(erp, held))
    synced(house, erp, "invoices")
    let_holds_expire(house)
    (letter, *_) = letters(house)
    assert "is paid, but shop has not shipped it yet" in letter.reason


def look_at_holds(house: House) -> None:
    with write(house.engine) as connection:
        connection.execute(update(tables.hold).where(tables.hold.c.state == "open").values(check_at=clock.now()))
    holds.release(house)


def test_a_word_whose_answer_was_lost_is_told_once_more_at_most(house: House, shop: OnClarity, erp: InSage) -> None:
    sold, held = booked(house, shop, erp)
    number = billed(erp, held)
    erp.simulator.world("pay", InvoiceNo=number)
    synced(house, erp, "shipments")
    shop.simulator.faults({"drop-after-commit": {"times": 1, "operations": ["updateOrder"]}})
    synced(house, erp, "invoices", "invoices")
    assert status(shop, sold) == "Completed"
    assert 1 <= len(messages(shop)) <= 2
    assert letters(house) == []


def test_an_order_that_its_staff_saves_meanwhile_is_told_on_its_newest_version(house: House, shop: OnClarity, erp: InSage) -> None:
    sold, held = booked(house, shop, erp)
    number = billed(erp, held)
    shop.simulator.faults({"version-conflict": {"times": 1, "operations": ["updateOrder"]}})
    synced(house, erp, "invoices")
    assert shop.simulator.stats()["refused"]["409"] == 1
    assert messages(shop) == [f"Invoice {number} of {sold.total:.2f} is open"]
    assert letters(house) == []
