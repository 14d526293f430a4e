"""What an order says of units and money: what it promises where it was placed, whether that is set apart and what is booked where it is
fulfilled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from connectors.rest.definition import Books, Holding, Units, Worth
from integration.ports import Body, Booked, Promise, Reservation, SourceRecord

CENT = Decimal("0.01")


def promise(declared: Units, record: SourceRecord) -> Promise:
    """Of whatever can be read: an order that is faulty elsewhere promises its units all the same."""
    ordered: Counter[str] = Counter()
    pending: Counter[str] = Counter()
    over = is_one_of(declared.over, record.body)
    back = declared.back is not None and is_one_of(declared.back, record.body)
    lines = record.body.get(declared.lines)
    for line in lines if isinstance(lines, list) else ():
        sku, quantity = (line.get(declared.sku), _whole(line.get(declared.quantity))) if isinstance(line, dict) else (None, 0)
        if isinstance(sku, str) and sku and quantity > 0:
            ordered[sku] += quantity
            shipped = _whole(line.get(declared.shipped))
            if declared.back is None:
                pending[sku] += 0 if over else max(0, quantity - shipped)
            else:
                pending[sku] += shipped if back else quantity
    return Promise(record.key, record.version, record.changed_at, ordered, pending, over)


def reservation(declared: Holding, record: SourceRecord) -> Reservation | None:
    order_key = record.body.get(declared.order)
    if not isinstance(order_key, str) or not order_key:
        return None
    freed = declared.freed is not None and bool(record.body.get(declared.freed))
    return Reservation(record.key, order_key, not freed and is_one_of(declared.states, record.body))


def booked(declared: Books, key: str, body: Body) -> Booked:
    units: Counter[str] = Counter()
    lines = body.get(declared.lines)
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, dict):
            units[str(line.get(declared.sku))] += _whole(line.get(declared.quantity))
    order_key, currency = body.get(declared.order), body.get(declared.currency or "")
    total = _worth(declared.worth, declared, body) if declared.worth is not None else amount(body.get(declared.total or ""))
    void = is_one_of(declared.void, body) or bool(body.get(declared.voided or ""))
    return Booked(key, str(order_key) if order_key else None, str(currency or "") or None, total, units, void)


def _worth(worth: Worth, declared: Books, body: Body) -> Decimal | None:
    """None where any of it cannot be read; a member of the order that is missing counts for nothing."""
    lines = body.get(declared.lines)
    amounts = [_line_amount(worth, declared, line) for line in lines] if isinstance(lines, list) else [None]
    amounts += [amount(body.get(member) or 0) for member in worth.plus]
    less = [amount(body.get(member) or 0) for member in worth.less]
    known = [one for one in amounts if one is not None] + [-one for one in less if one is not None]
    return sum(known, Decimal(0)).quantize(CENT) if len(known) == len(amounts) + len(less) else None


def _line_amount(worth: Worth, declared: Books, line: Any) -> Decimal | None:
    if not isinstance(line, dict):
        return None
    if line.get(worth.amount) is not None:
        return amount(line[worth.amount])
    price, quantity = amount(line.get(worth.price)), amount(line.get(declared.quantity))
    return (price * quantity).quantize(CENT, ROUND_HALF_UP) if price is not None and quantity is not None else None


def amount(value: Any) -> Decimal | None:
    """Money as a system writes it; None where it is none."""
    try:
        return Decimal(value) if isinstance(value, str | int | Decimal) else None
    except InvalidOperation:
        return None


def is_one_of(values: Mapping[str, tuple[str, ...]], body: Mapping[str, Any]) -> bool:
    """Whether any of the members has one of its values."""
    return any(body.get(member) in among for member, among in values.items())


def _whole(value: Any) -> int:
    """Units are whole; of a fraction what is whole of it."""
    return int(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else 0
