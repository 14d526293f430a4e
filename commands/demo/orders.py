"""The stream of orders of the demo, some of them bad on purpose, each with what must become of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import cycle
from random import Random
from typing import Any, Literal

from commands.demo.people import Buyer, address, customer_info, new_buyer
from connectors.simulation.catalogue import Goods, goods
from integration import clock

ITEMS = 40
"""Items that the simulators start with; each active one that is ordered costs one look at TIMS."""

DOZEN = 12
"""In every dozen orders one is bad and one has a story; the others are booked and that is all."""

NEW_BUYERS = 0.35
"""A new buyer costs TIMS two requests (look-up and create) besides the order's own."""

GUESTS = 0.05
SCARCE_UNITS = 3
TAX = Decimal("0.0825")
CENT = Decimal("0.01")

SITES = (
    ("Amazon Seller Central - US", "Amazon", "113-{:07d}-1234567"),
    ("eBay Fixed Price US", "PayPal", "12-{:05d}-88012"),
    ("Walmart Marketplace", "WalmartPay", "2000{:011d}"),
    ("Shop", "Visa", "WEB-{:06d}"),
)
SHIPPING = (
    ("Standard", "4.99"),
    ("Standard Shipping", "6.99"),
    ("Expedited", "12.99"),
    ("Two Day Shipping", "14.99"),
    ("Free Economy", "0.00"),
    (None, "5.49"),
)
PROMOTIONS = (("SPRING5", "5.00"), ("WELCOME10", "10.00"), ("LOYAL3", "3.00"))

Order = dict[str, Any]
Fate = Literal["booked", "held", "dead", "skipped", "too late"]
Story = Literal["", "ship", "restock", "cancel too late"]
PENDING = ("Open", "Allocated")  # TIMS allocates by itself what is in stock
SHIPPED = (*PENDING, "Fulfilled")


@dataclass(frozen=True, slots=True)
class Placing:
    """An order and what must become of it.

    `fault` names the field that its hold or dead letter must name. `lines` are (SKU, quantity) as TIMS must have them, `statuses`
    those that its sales order may end in. `later` is what the buyer changes once it is booked. `checked` is False where the order is
    one that ChannelAdvisor itself should not have taken. `story`: what the warehouse, or the buyer, does when it is booked or waits.
    """

    order: Order = field(repr=False)
    lines: tuple[tuple[str, int], ...]
    fate: Fate = "booked"
    fault: str = ""
    statuses: tuple[str, ...] = PENDING
    later: Mapping[str, Any] | None = None
    checked: bool = True
    story: Story = ""


class Shop:
    """An endless supply of orders; the same `seed` gives the same ones."""

    def __init__(self, seed: int, now: Callable[[], datetime] = clock.now) -> None:
        self._random = Random(seed)  # noqa: S311 - a demo's dice, no secret
        self._now = now
        self._catalogue = list(goods(ITEMS))
        *self._active, self.scarce = [one for one in self._catalogue if one.status == "Active"]
        self._buyers: list[Buyer] = []
        self._faults = cycle((_unknown_sku, _wrong_total, _no_postal_code, _inactive_item, _shipped, _street_too_long, _other_currency))
        self._stories = cycle((_out_of_stock, _cancelled_later, _too_late, _on_hold, _moved, _released_later, _cancelled_before))

    def orders(self) -> Iterator[Placing]:
        number = 0
        while True:
            bad, told = self._random.sample(range(DOZEN), 2)
            for place in range(DOZEN):
                number += 1
                made = self._order(number)
                if place == bad:
                    made = next(self._faults)(self, made)
                elif place == told:
                    made = next(self._stories)(self, made)
                yield made

    def inactive(self) -> Goods:
        return self._random.choice([one for one in self._catalogue if one.status != "Active"])

    def address(self) -> dict[str, Any]:
        """Where somebody else lives."""
        return address(self._random, new_buyer(self._random, 0))

    def _order(self, number: int) -> Placing:
        random = self._random
        site, payment, pattern = random.choice(SITES)
        service, shipping = random.choice(SHIPPING)
        promotion = random.choice((None, None, None, random.choice(PROMOTIONS)))
        buyer = self._buyer(number)
        sold = random.sample(self._active, random.choice((1, 1, 1, 2, 2, 3, 5)))
        lines = [self._line(each, shipping if place == 0 else "0.00") for place, each in enumerate(sold)]
        if promotion:
            lines[0]["DiscountAmount"] = promotion[1]
        order = {
            "SiteName": site,
            "OrderID": pattern.format(number),
            "OrderDate": clock.text(self._now() - timedelta(seconds=random.randrange(5, 90))),
            "Currency": "USD",
            "PaymentStatus": random.choice(("Cleared", "Cleared", "Deposited", "Submitted")),
            "CustomerInfo": customer_info(random, buyer),
            "ShippingAddress": address(random, buyer),
            "BillingAddress": random.choice((None, None, address(random, buyer))),
            "TotalAmount": str(_total(lines)),
            "ShippingMethod": service,
            "PaymentMethod": payment,
            "Promotions": [{"Code": promotion[0], "Amount": promotion[1], "ShippingAmount": "0.00"}] if promotion else None,
            "Items": lines,
        }
        return Placing(
            order, tuple((each.sku, line["Quantity"]) for each, line in zip(sold, lines, strict=True)), statuses=SHIPPED, story="ship"
        )

    def _buyer(self, number: int) -> Buyer:
        random = self._random
        if random.random() < GUESTS:
            return new_buyer(random, number, guest=True)
        if not self._buyers or random.random() < NEW_BUYERS:
            self._buyers.append(new_buyer(random, number))
            return self._buyers[-1]
        return random.choice(self._buyers)

    def _line(self, sold: Goods, shipping: str) -> dict[str, Any]:
        random = self._random
        quantity = random.choice((1, 1, 1, 2, 3))
        price = Decimal(sold.list_price) / 100 - random.choice((Decimal(0), Decimal("1.04"), Decimal("2.50")))
        alias = sold.alias if random.random() < 0.5 else None
        return {
            "SKU": alias or sold.sku,
            "Title": sold.title,
            "Quantity": quantity,
            "UnitPrice": str(price.quantize(CENT)),
            "TaxAmount": str((price * quantity * TAX).quantize(CENT, ROUND_HALF_UP)),
            "DiscountAmount": "0.00",
            "ShippingAmount": shipping,
        }


# --- What is bad -----------------------------------------------------------------------------------------------------------------------


def _unknown_sku(_shop: Shop, made: Placing) -> Placing:
    return _held(made, "lines[0].sku", Items=_with_first(made, SKU="LAMP-999"))


def _inactive_item(shop: Shop, made: Placing) -> Placing:
    return _held(made, "lines[0].sku", Items=_with_first(made, SKU=shop.inactive().sku))


def _wrong_total(_shop: Shop, made: Placing) -> Placing:
    return _dead(made, "total_amount", checked=False, TotalAmount=str(Decimal(made.order["TotalAmount"]) + Decimal("1.10")))


def _no_postal_code(_shop: Shop, made: Placing) -> Placing:
    return _held(made, "ShippingAddress.PostalCode", ShippingAddress={**made.order["ShippingAddress"], "PostalCode": None})


def _street_too_long(_shop: Shop, made: Placing) -> Placing:
    street = "please leave it with the neighbour on the left, " * 3 + "thanks"  # TIMS takes two lines of 60
    return _held(made, "ShippingAddress.Line1", ShippingAddress={**made.order["ShippingAddress"], "AddressLine1": street})


def _shipped(_shop: Shop, made: Placing) -> Placing:
    return _dead(made, "status", OrderStatus="Shipped")


def _other_currency(_shop: Shop, made: Placing) -> Placing:
    return _dead(made, "Currency", Currency="EUR")


def _held(made: Placing, fault: str, **members: Any) -> Placing:
    return Placing({**made.order, **members}, made.lines, "held", fault, ())


def _dead(made: Placing, fault: str, *, checked: bool = True, **members: Any) -> Placing:
    return Placing({**made.order, **members}, made.lines, "dead", fault, (), checked=checked)


def _with_first(made: Placing, **members: Any) -> list[dict[str, Any]]:
    first, *rest = made.order["Items"]
    return [{**first, **members}, *rest]


# --- What has a story ------------------------------------------------------------------------------------------------------------------


def _out_of_stock(shop: Shop, made: Placing) -> Placing:
    """Of an item that is not there when it is ordered, and comes."""
    line = {**made.order["Items"][0], "SKU": shop.scarce.sku, "Title": shop.scarce.title, "Quantity": SCARCE_UNITS}
    line |= {"TaxAmount": "0.00", "DiscountAmount": "0.00"}
    order = {**made.order, "Items": [line], "Promotions": None, "TotalAmount": str(_total([line]))}
    return Placing(order, ((shop.scarce.sku, SCARCE_UNITS),), story="restock")


def _too_late(_shop: Shop, made: Placing) -> Placing:
    """Cancelled by its buyer while the parcel leaves the warehouse."""
    return Placing(made.order, made.lines, "too late", "status", ("Fulfilled",), story="cancel too late")


def _cancelled_later(_shop: Shop, made: Placing) -> Placing:
    return Placing(made.order, made.lines, statuses=("Cancelled",), later={"OrderStatus": "Cancelled"})


def _cancelled_before(_shop: Shop, made: Placing) -> Placing:
    return Placing({**made.order, "OrderStatus": "Cancelled"}, made.lines, "skipped", statuses=())


def _on_hold(_shop: Shop, made: Placing) -> Placing:
    return Placing({**made.order, "OrderStatus": "OnHold"}, made.lines, statuses=("OnHold",))


def _released_later(_shop: Shop, made: Placing) -> Placing:
    return Placing({**made.order, "OrderStatus": "OnHold"}, made.lines, later={"OrderStatus": "Pending"})


def _moved(shop: Shop, made: Placing) -> Placing:
    return Placing(made.order, made.lines, later={"ShippingAddress": shop.address()})


def _total(lines: list[dict[str, Any]]) -> Decimal:
    return sum(
        (
            line["Quantity"] * Decimal(line["UnitPrice"])
            + sum(Decimal(line[name]) for name in ("TaxAmount", "ShippingAmount"))
            - Decimal(line["DiscountAmount"])
            for line in lines
        ),
        Decimal(0),
    )
