"""The stream of orders of the demo, some of them bad on purpose, each with what must become of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import cycle
from random import Random
from typing import Literal

from commands.demo.pairs import Pair
from commands.demo.people import Buyer, address, five_digits, known_as, new_buyer, person
from commands.demo.sale import Address, Line, Sale, Status
from commands.demo.sides import Erp
from connectors.simulation.catalogue import Goods, goods
from integration import clock

DOZEN = 12
"""In every dozen orders one is bad and one has a story; the others are booked and that is all."""

GUESTS = 0.05
SCARCE_UNITS = 3
TAX = Decimal("0.0825")
CENT = Decimal("0.01")
PROMOTIONS = (("SPRING5", Decimal("5.00")), ("WELCOME10", Decimal("10.00")), ("LOYAL3", Decimal("3.00")))

Fate = Literal["booked", "held", "dead", "skipped", "too late"]
Story = Literal["", "ship", "restock", "cancel too late"]
PENDING = ("pending",)
SHIPPED = ("pending", "shipped")


@dataclass(frozen=True, slots=True)
class Placing:
    """A sale, and what must become of it.

    `fault` names the field that its hold or dead letter must name. `lines` are (SKU, quantity) as the ERP must have them, `statuses`
    those that it may end in there. `later`: another status or address, once it is booked. `story`: what the warehouse, or the buyer, does
    when it is booked or waits. `street`: what must stand in the ERP whole.
    """

    sale: Sale = field(repr=False)
    lines: tuple[tuple[str, int], ...]
    fate: Fate = "booked"
    fault: str = ""
    statuses: tuple[str, ...] = PENDING
    later: Status | Address | None = None
    story: Story = ""
    street: str = ""

    @property
    def checked(self) -> bool:
        """False where the order is one that the shop itself should not have taken."""
        return not self.sale.surplus

    @property
    def buyer(self) -> frozenset[str]:
        """The ways in which an ERP may know who bought; none of a guest."""
        buyer = self.sale.buyer
        if buyer.email is None:
            return frozenset()
        return frozenset({buyer.email.lower(), known_as(f"{buyer.first_name} {buyer.last_name}", self.sale.ship_to.postal_code)})

    @property
    def goes_to(self) -> str:
        """The postal code at the end."""
        return five_digits((self.later if isinstance(self.later, Address) else self.sale.ship_to).postal_code)


class Orders:
    """An endless supply of orders from a shop for an ERP; the same `seed` gives the same ones. `scarce`: what is not there at first."""

    def __init__(self, pair: Pair, seed: int, now: Callable[[], datetime] = clock.now) -> None:
        self.pair = pair
        self.shop, self.erp = pair.sides
        self._random = Random(seed)  # noqa: S311 - a demo's dice, no secret
        self._now = now
        self._catalogue = list(goods(self.erp.items))
        *self._active, self.scarce = [one for one in self._catalogue if one.status == "Active"]
        self._buyers: list[Buyer] = []
        self._faults = cycle(_faults(self.erp))
        self._stories = cycle(_stories(self.erp))

    def __iter__(self) -> Iterator[Placing]:
        number = 0
        while True:
            bad, told = self._random.sample(range(DOZEN), 2)
            for place in range(DOZEN):
                number += 1
                made = self._placing(number)
                if place == bad:
                    made = next(self._faults)(self, made)
                elif place == told:
                    made = next(self._stories)(self, made)
                yield made

    def inactive(self) -> Goods:
        return self._random.choice([one for one in self._catalogue if one.status != "Active"])

    def address(self) -> Address:
        """Where somebody else lives."""
        return address(self._random, new_buyer(self._random, 0))

    def _placing(self, number: int) -> Placing:
        random, shop = self._random, self.shop
        site = random.choice(shop.sites)
        service, shipping = random.choice(shop.shipping)
        promotion = random.choice((None, None, None, random.choice(PROMOTIONS)))
        buyer = self._buyer(number)
        sold = random.sample(self._active, random.choice((1, 1, 1, 2, 2, 3, 5)))
        lines = tuple(self._line(each) for each in sold)
        sale = Sale(
            number=number,
            site=site,
            ordered_at=self._now() - timedelta(seconds=random.randrange(5, 90)),
            paid=random.choice(shop.paid),
            buyer=person(random, buyer),
            ship_to=address(random, buyer),
            bill_to=random.choice((None, None, address(random, buyer))),
            lines=lines,
            shipping=shipping,
            method=service,
            promotion=promotion and promotion[0],
        )
        if promotion:
            sale = sale.with_first(discount=promotion[1])
        units = tuple((each.sku, line.quantity) for each, line in zip(sold, lines, strict=True))
        return Placing(sale, units, statuses=SHIPPED, story="ship")

    def _buyer(self, number: int) -> Buyer:
        random = self._random
        if random.random() < GUESTS:
            return new_buyer(random, number, guest=self.shop.guests)
        if not self._buyers or random.random() < self.erp.new_buyers:
            self._buyers.append(new_buyer(random, number))
            return self._buyers[-1]
        return random.choice(self._buyers)

    def _line(self, sold: Goods) -> Line:
        random = self._random
        quantity = random.choice((1, 1, 1, 2, 3))
        price = Decimal(sold.list_price) / 100 - random.choice((Decimal(0), Decimal("1.04"), Decimal("2.50")))
        alias = sold.alias if random.random() < 0.5 else None
        tax = (price * quantity * TAX).quantize(CENT, ROUND_HALF_UP)
        return Line(alias or sold.sku, sold.title, quantity, price.quantize(CENT), tax)


Turn = Callable[[Orders, Placing], Placing]

# --- What is bad -----------------------------------------------------------------------------------------------------------------------


def _unknown_sku(_orders: Orders, made: Placing) -> Placing:
    return _held(made, "lines[0].sku", made.sale.with_first(sku="LAMP-999"))


def _inactive_item(orders: Orders, made: Placing) -> Placing:
    return _held(made, "lines[0].sku", made.sale.with_first(sku=orders.inactive().sku))


def _wrong_total(_orders: Orders, made: Placing) -> Placing:
    return _dead(made, "total_amount", replace(made.sale, surplus=Decimal("1.10")))


def _no_postal_code(orders: Orders, made: Placing) -> Placing:
    return _held(made, _called(orders, "postal_code"), made.sale.sent_to(postal_code=None))


def _street_too_long(orders: Orders, made: Placing) -> Placing:
    street = "please leave it with the neighbour on the left, " * 3 + "thanks"  # TIMS takes two lines of 60, Sage 100 three of 40
    return _held(made, _called(orders, "street"), made.sale.sent_to(line1=street))


def _shipped(_orders: Orders, made: Placing) -> Placing:
    return _dead(made, "status", replace(made.sale, status="shipped"))


def _other_currency(orders: Orders, made: Placing) -> Placing:
    return _dead(made, _called(orders, "currency"), replace(made.sale, currency="EUR"))


def _owing(orders: Orders, made: Placing) -> Placing:
    """On account, by a customer who has not paid what came before."""
    sale = made.sale
    return _held(made, "customer", replace(sale, buyer=replace(sale.buyer, email=orders.erp.owing), paid=None))


def _faults(erp: Erp) -> tuple[Turn, ...]:
    usual = (_unknown_sku, _wrong_total, _no_postal_code, _inactive_item, _shipped, _street_too_long, _other_currency)
    return (_owing, *usual) if erp.owing else usual


def _held(made: Placing, fault: str, sale: Sale) -> Placing:
    return Placing(sale, made.lines, "held", fault, ())


def _dead(made: Placing, fault: str, sale: Sale) -> Placing:
    return Placing(sale, made.lines, "dead", fault, ())


def _called(orders: Orders, fault: str) -> str:
    """What the ERP calls it."""
    return orders.erp.fields.get(fault, fault)


# --- What has a story ------------------------------------------------------------------------------------------------------------------


def _out_of_stock(orders: Orders, made: Placing) -> Placing:
    """Of an item that is not there when it is ordered, and comes."""
    line = Line(orders.scarce.sku, orders.scarce.title, SCARCE_UNITS, made.sale.lines[0].unit_price)
    sale = replace(made.sale, lines=(line,), promotion=None)
    return Placing(sale, ((orders.scarce.sku, SCARCE_UNITS),), story="restock")


def _too_late(_orders: Orders, made: Placing) -> Placing:
    """Cancelled by its buyer while the parcel leaves the warehouse."""
    return Placing(made.sale, made.lines, "too late", "status", ("shipped",), story="cancel too late")


def _cancelled_later(_orders: Orders, made: Placing) -> Placing:
    return Placing(made.sale, made.lines, statuses=("cancelled",), later="cancelled")


def _cancelled_before(_orders: Orders, made: Placing) -> Placing:
    return Placing(replace(made.sale, status="cancelled"), made.lines, "skipped", statuses=())


def _on_hold(_orders: Orders, made: Placing) -> Placing:
    return Placing(replace(made.sale, status="on_hold"), made.lines, statuses=("on_hold",))


def _released_later(_orders: Orders, made: Placing) -> Placing:
    return Placing(replace(made.sale, status="on_hold"), made.lines, later="pending")


def _moved(orders: Orders, made: Placing) -> Placing:
    return Placing(made.sale, made.lines, later=orders.address())


def _long_street(_orders: Orders, made: Placing) -> Placing:
    """Longer than a line of the ERP, which goes on in the next."""
    street = "The Old Merchants and Manufacturers Exchange Building, North Entrance"
    return replace(made, sale=made.sale.sent_to(line1=street), street=street)


def _stories(erp: Erp) -> tuple[Turn, ...]:
    usual = (_out_of_stock, _cancelled_later, _too_late, _on_hold, _moved, _released_later, _cancelled_before)
    return (*usual[:1], _long_street, *usual[1:]) if erp.wraps else usual
