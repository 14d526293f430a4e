"""Clarity to Sage 100 where the two differ most: money in fields or charge lines, payments, customers, codes, credit and addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.ledger import holds
from integration.ledger.database import read
from integration.line.journey import House
from tests.fixtures.line import drain
from tests.fixtures.pairs import Erp, InSage, OnClarity, Shop, Sold, flows
from tests.fixtures.processes import wait_for
from tests.integration.line.conftest import letters

Paired = Callable[..., House]


@pytest.fixture
def shop(shops: Mapping[str, Shop]) -> OnClarity:
    found = shops["clarity"]
    assert isinstance(found, OnClarity)
    return found


@pytest.fixture
def erp(erps: Mapping[str, Erp]) -> InSage:
    found = erps["sage100"]
    assert isinstance(found, InSage)
    return found


def order_of(erp: InSage, sold: Sold) -> dict[str, Any]:
    (held,) = [one for one in erp.orders() if one.reference == sold.number]
    assert held.total == sold.total
    return erp.raw(held)


def amounts(order: Mapping[str, Any]) -> list[Decimal]:
    return [Decimal(str(order[name])) for name in ("FreightAmt", "SalesTaxAmt", "DiscountAmt")]


def waiting(house: House) -> list[str]:
    with read(house.engine) as connection:
        return [hold.kind for hold in holds.listed(connection)]


def test_freight_tax_and_discount_are_fields(paired: Paired, shop: OnClarity, erp: InSage) -> None:
    house = paired(shop, erp)
    (sold,) = shop.place([1])
    drain(house, "orders")
    assert amounts(order_of(erp, sold)) == [Decimal("6.99"), Decimal("1.98"), Decimal("2.35")]
    assert letters(house) == []


CHARGES = """
[flows.orders.charges]
freight = "/FREIGHT"
tax = "/TAX"
discount = "/DISCOUNT"
"""


def test_freight_tax_and_discount_are_charge_lines_and_what_ships_is_told_all_the_same(
    paired: Paired, shop: OnClarity, erp: InSage
) -> None:
    house = paired(shop, erp, CHARGES)
    (sold,) = shop.place([1])
    drain(house, "orders")
    order = order_of(erp, sold)
    assert amounts(order) == [0, 0, 0]
    lines = [(one["ItemCode"], Decimal(str(one["ExtensionAmt"]))) for one in order["Lines"]]
    assert lines[2:] == [("/FREIGHT", Decimal("6.99")), ("/TAX", Decimal("1.98")), ("/DISCOUNT", Decimal("-2.35"))]
    drain(house, "status")
    (held,) = erp.orders()
    erp.ship(held, held.units, "1Z999AA10123456784")
    drain(house, "shipments")
    assert shop.tracking(sold) == [("1Z999AA10123456784", sold.units)]
    assert letters(house) == []


@pytest.mark.parametrize(("payments", "kind", "reference", "deposit"), [
    ([("PayPal", "Captured", 0)], "PAYPL", "tx_0", "all"),
    ([("AuthorizeNet", "Captured", 10)], "AUTHN", "tx_0", "less"),
    ([("Stripe", "Authorized", 0)], "STRIP", "tx_0", "none"),
    ([("Invoice", "Pending", 0)], None, None, "none"),
    ([("Stripe", "Failed", 0), ("PayPal", "Captured", 0)], "PAYPL", "tx_1", "all"),
])  # fmt: skip
def test_the_gateway_is_a_payment_type_and_what_is_captured_the_deposit(
    paired: Paired,
    shop: OnClarity,
    erp: InSage,
    payments: list[tuple[str, str, int]],
    kind: str | None,
    reference: str | None,
    deposit: str,
) -> None:
    house = paired(shop, erp)
    total = Decimal("69.72")
    told = [
        {
            "gateway": gateway,
            "status": state,
            "amount": float(total),
            "refundedAmount": back,
            "transactionId": None if gateway == "Invoice" else f"tx_{place}",
        }
        for place, (gateway, state, back) in enumerate(payments)
    ]
    (sold,) = shop.place([1], payments=told)
    drain(house, "orders")
    order = order_of(erp, sold)
    wanted = {"all": sold.total, "less": sold.total - 10, "none": Decimal(0)}[deposit]
    assert sold.total == total
    assert (order["PaymentType"] or None, order["OtherPaymentTypeRefNo"] or None) == (kind, reference)
    assert Decimal(str(order["DepositAmt"])) == wanted


def customers(erp: InSage) -> set[str]:
    return {one.customer for one in erp.orders()}


def test_a_customer_is_known_by_its_number_then_by_email_then_by_name_and_zip(paired: Paired, shop: OnClarity, erp: InSage) -> None:
    house = paired(shop, erp)
    at = {"AddressLine1": "1 Old Road", "City": "Austin", "State": "TX", "ZipCode": "78701", "CountryCode": "USA"}
    numbers = [
        erp.simulator.customer(ARDivisionNo="00", CustomerName="Somebody else", **at),
        erp.simulator.customer(ARDivisionNo="01", CustomerName="Buying", EmailAddress="ANA.2@buyer.example", **at),
        erp.simulator.customer(ARDivisionNo="01", CustomerName="ana lindqvist", EmailAddress="home@buyer.example", **at),
    ]
    known = [f"{one['ARDivisionNo']}-{one['CustomerNo']}" for one in numbers]
    buyer = shop.checkout(1)["customer"] | {"erpCustomerNumber": known[0]}
    by_number = shop.place([1], customer=buyer)[0]
    by_email, by_name = shop.place([2, 3])
    unknown = shop.place([4], customer=shop.checkout(4)["customer"] | {"erpCustomerNumber": "01-9999999"})[0]
    drain(house, "orders")
    held = {one.reference: one.customer for one in erp.orders()}
    assert [held[sold.number] for sold in (by_number, by_email, by_name)] == known
    assert held[unknown.number] not in known
    assert letters(house) == []


def test_a_new_buyer_with_two_addresses_at_once_is_one_customer(paired: Paired, shop: OnClarity, erp: InSage) -> None:
    house = paired(shop, erp)
    buyer = shop.checkout(1)["customer"]
    for email in ("ana.1@buyer.example", "ana.1@work.example", "ana.1@home.example"):
        shop.place([1], customer=buyer | {"email": email})
    erp.simulator.latency(20)
    drain(house, "orders")
    erp.simulator.latency(0)
    assert len(erp.orders()) == 3
    assert len(customers(erp)) == 1
    assert len(erp.emails()) == 1
    assert letters(house) == []


def test_a_new_customer_is_made_in_the_division_of_the_flow(paired: Paired, shop: OnClarity, erp: InSage) -> None:
    house = paired(shop, erp, 'division = "00"')
    shop.place([1, 1, 1])
    drain(house, "orders")
    (customer,) = customers(erp)
    assert customer.startswith("00-")
    assert len(erp.orders()) == 3


ABROAD = """
[connections.abroad]
system = "sage100"
url = "{url}"
[connections.abroad.credentials]
api_key = "env:ERP_API_KEY"
user = "env:ERP_USER"
company = "env:ERP_COMPANY"
[connections.abroad.overrides]
zone = "{zone}"
"""


@pytest.mark.parametrize(("zone", "day"), [("America/Chicago", "20260302"), ("Europe/London", "20260303")])
def test_an_order_is_dated_by_the_zone_of_the_connection(
    configured: Callable[..., House], shop: OnClarity, erp: InSage, zone: str, day: str
) -> None:
    house = configured({"shop": shop, "erp": erp}, ABROAD.format(url=erp.url, zone=zone) + flows("shop", "abroad"))
    (sold,) = shop.place([1], placedAt="2026-03-03T01:30:00Z")
    drain(house, "orders")
    assert order_of(erp, sold)["OrderDate"] == day


def test_codes_by_alias_and_by_the_analysts_list(paired: Paired, shop: OnClarity, erp: InSage, tmp_path: Path) -> None:
    folder = tmp_path / "ours" / "sage100"
    folder.mkdir(parents=True)
    (folder / "order.yaml").write_text("system: sage100\nentity: order\nwords:\n  item:\n    OLD-LAMP: LAMP-003\n")
    house = paired(shop, erp, f'[mappings]\nfolder = "{tmp_path / "ours"}"\n')
    erp.simulator.world("aliases", AliasItemNo="WEB-LAMP", ItemCode="LAMP-002")
    price = {"name": "A lamp", "price": 24, "currency": "USD", "status": "Active"}
    shop.simulator.products({"sku": "OLD-LAMP", **price}, {"sku": "WEB-LAMP", **price})
    goods = {"quantity": 1, "unitPrice": 24, "taxAmount": 0, "discountAmount": 0}
    (sold,) = shop.place([1], items=[{"sku": sku, **goods} for sku in ("LAMP-001", "WEB-LAMP", "OLD-LAMP")], payments=[])
    drain(house, "orders")
    assert [one["ItemCode"] for one in order_of(erp, sold)["Lines"]] == ["LAMP-001", "LAMP-002", "LAMP-003"]
    assert letters(house) == []


@pytest.mark.parametrize("trouble", [{"CreditLimit": 50}, {"CreditHold": "Y"}])
def test_an_order_on_account_over_the_limit_or_on_hold_waits_and_is_not_written(
    paired: Paired, shop: OnClarity, erp: InSage, trouble: dict[str, Any]
) -> None:
    house = paired(shop, erp)
    erp.simulator.customer(ARDivisionNo="01", CustomerName="Buying", EmailAddress="ana.1@buyer.example", **trouble)
    on_account = {"gateway": "Invoice", "status": "Pending", "amount": 69.72, "refundedAmount": 0}
    shop.place([1], payments=[on_account])
    drain(house, "orders")
    assert (waiting(house), erp.orders(), letters(house)) == (["credit"], [], [])


def test_a_zip_code_that_is_none_waits_for_a_person(paired: Paired, shop: OnClarity, erp: InSage) -> None:
    house = paired(shop, erp)
    shop.place([1], shippingAddress=shop.checkout(1)["shippingAddress"] | {"postalCode": "11111"})
    drain(house, "orders")
    assert (waiting(house), erp.orders(), letters(house)) == (["address"], [], [])


def test_a_long_address_loses_nothing(paired: Paired, shop: OnClarity, erp: InSage) -> None:
    house = paired(shop, erp)
    street = "The Old Merchants and Manufacturers Exchange Building, North Entrance"
    address = shop.checkout(1)["shippingAddress"] | {"line1": street, "line2": "Suite 1200"}
    (sold,) = shop.place([1], shippingAddress=address)
    drain(house, "orders")
    order = order_of(erp, sold)
    lines = [order[f"ShipToAddress{number}"] or "" for number in (1, 2, 3)]
    assert all(len(text) <= 40 for text in lines)
    assert " ".join(" ".join(lines).replace(",", " ").split()) == f"{street} Suite 1200".replace(",", "")


def test_an_order_that_the_shop_has_not_released_is_new_and_opened_with_it(paired: Paired, shop: OnClarity, erp: InSage) -> None:
    house = paired(shop, erp)
    (sold,) = shop.place([1], status="Pending")
    drain(house, "orders")
    drain(house, "status")
    (held,) = erp.orders()
    assert held.status == "new"
    assert shop.order(sold) == ("Pending", held.key)
    shop.simulator.change(sold.key, status="Processing")
    drain(house, "orders")
    assert erp.orders()[0].status == "pending"
    shop.simulator.change(sold.key, status="OnHold")
    drain(house, "orders")
    assert erp.orders()[0].status == "on_hold"
    assert letters(house) == []


def test_an_order_that_staff_saves_while_we_tell_its_number_is_told_all_the_same(paired: Paired, shop: OnClarity, erp: InSage) -> None:
    house = paired(shop, erp)
    (sold,) = shop.place([1])
    drain(house, "orders")
    shop.simulator.faults({"version-conflict": {"times": 2, "operations": ["updateOrder"]}})
    drain(house, "status")
    assert shop.order(sold) == ("Processing", erp.orders()[0].key)
    assert letters(house) == []


def test_a_cancellation_in_the_erp_voids_the_order_of_the_shop(paired: Paired, shop: OnClarity, erp: InSage) -> None:
    house = paired(shop, erp)
    (sold,) = shop.place([1])
    drain(house, "orders")
    drain(house, "status")
    house.journey("orders").target.update("order", erp.orders()[0].key, {"OrderStatus": "C", "CancelReasonCode": "STOCK"}, None)

    def both_over() -> bool:
        for flow in ("status", "orders", "status"):
            drain(house, flow)
        return (shop.order(sold)[0], erp.orders()[0].status) == ("Void", "cancelled")

    # What changes twice within a second of Sage 100's clock is told apart only when the second is over.
    wait_for(both_over, "the cancellation did not reach the shop")
    assert letters(house) == []
