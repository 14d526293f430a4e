"""Judges a demo: what the simulated systems hold at the end against what must have become of each order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from commands.demo.orders import Placing
from commands.demo.people import five_digits
from commands.demo.sides import Booking, Books, State, Storefront


class PutAside(Protocol):
    """What a verdict must know of an open dead letter, or of a hold."""

    @property
    def id(self) -> int: ...
    @property
    def source_key(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def fields(self) -> Sequence[Mapping[str, str]]: ...


def complaints(
    placed: Mapping[str, Placing],
    storefront: Storefront,
    books: Books,
    letters: Sequence[PutAside],
    holds: Sequence[PutAside],
    stats: Mapping[str, State],
    guest: str,
) -> list[str]:
    """One sentence for each thing that is not as it must be; none where all is well.

    `placed` by key in the shop, `letters` and `holds` the open ones, `stats` what each simulator counted, `guest` the e-mail address of the
    customer that orders without one are booked on.
    """
    keys = _keys(storefront)
    by_key: dict[str, list[Booking]] = {}
    for booking in books.bookings:
        by_key.setdefault(keys.get(booking.reference, booking.reference), []).append(booking)
    told = {order.key for order in storefront.orders if order.told}
    asides: dict[str, list[PutAside]] = {}
    for letter in letters:
        asides.setdefault(letter.source_key, []).append(letter)
    waiting = {hold.source_key: hold for hold in holds}

    found: list[str] = []
    for key, placing in placed.items():
        booked, aside = by_key.pop(key, []), asides.pop(key, [])
        hold = waiting.pop(key, None)
        if placing.fate == "held":
            faults = [f"must wait, and is {one.key}" for one in booked]
            faults += [f"must wait, and is a dead letter: {letter.reason}" for letter in aside]
            faults += _wrong_hold(placing, hold)
        elif placing.fate == "too late":
            faults = [*_wrong_booking(placing, booked, guest, told=key in told), *_wrong_letters(placing, aside)]
        elif placing.fate == "booked":
            faults = [*_wrong_booking(placing, booked, guest, told=key in told)]
            faults += [f"is a dead letter: {letter.reason}" for letter in aside]
            faults += [f"waits: {hold.reason}"] if hold else []
        else:
            faults = [f"must not be booked, and is {one.key}" for one in booked]
            faults += _wrong_letters(placing, aside)
        found += [f"order {key} {fault}" for fault in faults]
    found += [f"{one.key} is of no order that was placed" for extra in by_key.values() for one in extra]
    found += [f"dead letter {letter.id} is of no order that was placed: {letter.reason}" for extra in asides.values() for letter in extra]
    return [
        *found,
        *_wrong_customers(books),
        *_wrong_shipments(storefront, books),
        *_wrong_stock(storefront, books),
        *_wrong_traffic(stats),
    ]


def _keys(storefront: Storefront) -> dict[str, str]:
    """The key of each order by what an ERP may know it by."""
    return {name: order.key for order in storefront.orders for name in (order.number, order.key)}


def _wrong_hold(placing: Placing, hold: PutAside | None) -> Iterator[str]:
    if hold is None:
        yield f"must wait for {placing.fault}, and does not"
    elif placing.fault not in {fault["field"] for fault in hold.fields}:
        yield f"must wait for {placing.fault}, and waits for this: {hold.reason}"


def _wrong_customers(books: Books) -> Iterator[str]:
    made = Counter(email for email in books.emails if email)
    yield from (f"a customer was made {count} times" for count in made.values() if count > 1)


def _wrong_shipments(storefront: Storefront, books: Books) -> Iterator[str]:
    """Each shipment of an order that the shop has not cancelled is told once, with its tracking number and its units."""
    keys = _keys(storefront)
    cancelled = {order.key for order in storefront.orders if order.cancelled}
    told = {parcel.key: parcel for parcel in storefront.parcels}
    for parcel in books.parcels:
        there = told.pop(parcel.key, None)
        if there is None:
            if keys.get(parcel.order) not in cancelled:
                yield f"shipment {parcel.key} is not in the shop"
            continue
        if there.tracking != parcel.tracking:
            yield f"shipment {parcel.key} has another tracking number in the shop"
        if there.units != parcel.units:
            yield f"shipment {parcel.key} has other units in the shop"
    yield from (f"shipment {key} is in the shop alone" for key in told)


def _wrong_stock(storefront: Storefront, books: Books) -> Iterator[str]:
    """The shop shows what is available less what its open orders wait for that the warehouse has not set apart."""
    keys = _keys(storefront)
    apart = {keys.get(booking.reference) for booking in books.bookings if booking.apart}
    promised: Counter[str] = Counter()
    for order in storefront.orders:
        if order.key not in apart:
            for code, units in order.awaited:
                promised[books.codes.get(code, code)] += units
    for sku, available in books.available.items():
        right = max(0, available - promised[sku])
        if storefront.shown.get(sku, right) != right:
            yield f"the shop shows {storefront.shown[sku]} of {sku}, and {right} may be sold"


def _wrong_booking(placing: Placing, booked: Sequence[Booking], guest: str, *, told: bool) -> Iterator[str]:
    if not booked:
        yield "is not booked"
        return
    if len(booked) > 1:
        yield f"is booked {len(booked)} times: {', '.join(one.key for one in booked)}"
    one = booked[0]
    if one.total != placing.sale.total:
        yield f"costs {placing.sale.total}, and {one.total} as {one.key}"
    if one.lines != placing.lines:
        yield f"has other lines as {one.key}"
    if not one.customer & (placing.buyer or {guest}):
        yield f"is booked on another customer as {one.key}"
    if one.status not in placing.statuses:
        yield f"must be {_words(placing.statuses)}, and is {_words([one.status])} as {one.key}"
    if five_digits(one.postal_code) != placing.goes_to:
        yield f"goes to another postal code as {one.key}"
    if not set(placing.street.split()) <= set(one.street.split()):
        yield f"has lost a part of its street as {one.key}"
    if not told:
        yield "is booked, but the shop was not told"


def _words(statuses: Sequence[str]) -> str:
    return " or ".join(status.replace("_", " ") for status in statuses)


def _wrong_letters(placing: Placing, aside: Sequence[PutAside]) -> Iterator[str]:
    if placing.fate in ("dead", "too late") and not aside:
        yield f"must be a dead letter that names {placing.fault}, and is none"
    for letter in aside:
        if placing.fate not in ("dead", "too late"):
            yield f"must just be left out, and is a dead letter: {letter.reason}"
        elif placing.fault not in {fault["field"] for fault in letter.fields}:
            yield f"must be a dead letter that names {placing.fault}, and this one says: {letter.reason}"
    if len(aside) > 1:
        yield f"has {len(aside)} dead letters"


def _wrong_traffic(stats: Mapping[str, State]) -> Iterator[str]:
    for name, counted in stats.items():
        if refused := counted["refused"].get("429"):
            yield f"{name} refused {refused} requests, because its limit was not kept"
        for fault in counted["contract_errors"]:
            yield f"{name} answered against its contract: {fault}"
