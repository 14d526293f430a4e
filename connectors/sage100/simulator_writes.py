"""What the writes of the simulated Sage 100 have in common: in-band results, the codes of faults, codes on file, and exact numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pycountry

from connectors.simulation.answers import Answer, Flaw, Record, Refusal
from connectors.simulation.contract import Contract, Shape

KEYS = frozenset({"ARDivisionNo", "CustomerNo", "ItemCode", "AccountKey", "SalesAcctKey", "BankCode", "SourceJournal"})
"""Key fields: one that is missing or empty is CI_NoKey."""
NUMBERS: Mapping[str, tuple[str, ...]] = {
    "SalesOrder": ("SalesOrderNo", "OrderStatus"),
    "Customer": ("ARDivisionNo", "CustomerNo"),
    "Invoice": ("InvoiceNo", "HeaderSeqNo"),
    "CashReceipt": ("DepositNo", "SequenceNo"),
    "JournalEntry": ("SourceJournal", "EntryNo"),
}
"""The members of a write's outcome that name what was stored."""
_OURS = {"too_long": "CI_CharLength", "unknown_field": "API_UnknownField", "required": "API_Required"}
_ALPHA3 = frozenset(country.alpha_3 for country in pycountry.countries)
_STATES: dict[str, set[str]] = {"USA": set(), "CAN": set()}
for _subdivision in pycountry.subdivisions:
    _country, _, _state = _subdivision.code.partition("-")
    if _country in ("US", "CA"):
        _STATES["USA" if _country == "US" else "CAN"].add(_state)
_MILITARY = frozenset({"AA", "AE", "AP"})
_place = re.compile(r"(?:Lines\[(\d+)\])?\.?(\w*)").fullmatch


class Sheet(Shape):
    """A body's schema whose flaws are told by the codes of Sage 100, decimals among them."""

    def holds(self, value: Any) -> bool:
        return super().holds(value) and next(_too_fine(value, self.schema, ""), None) is None

    def flaws(self, value: Any) -> list[Flaw]:
        found = [replace(flaw, kind=_code(flaw, value)) for flaw in super().flaws(value)]
        return found or list(_too_fine(value, self.schema, ""))


def _code(flaw: Flaw, body: Any) -> str:
    found = _place(flaw.field)
    name = found[2] if found else ""
    holder = body
    if found and found[1] is not None and isinstance(body, dict):
        holder = body["Lines"][int(found[1])]
    if name in KEYS and isinstance(holder, dict) and holder.get(name, "") in ("", None):
        return "CI_NoKey"
    return _OURS.get(flaw.kind, "API_InvalidValue")


def _too_fine(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[Flaw]:
    if isinstance(value, list):
        for place, one in enumerate(value):
            yield from _too_fine(one, schema.get("items", {}), f"{path}[{place}]")
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _too_fine(one, schema.get("properties", {}).get(name, {}), f"{path}.{name}".removeprefix("."))
    elif isinstance(value, float) and "x-decimal-places" in schema and -int(dec(value).as_tuple().exponent) > schema["x-decimal-places"]:
        yield Flaw(path, "API_InvalidValue", f"Has more than {schema['x-decimal-places']} decimals.")


def refuse(code: str, field: str, message: str, line: int | None = None) -> Refusal:
    """Result 0; `line` counts from 1."""
    where = field if line is None else f"Lines[{line - 1}].{field}".rstrip(".")
    return Refusal(200, code, message, [Flaw(where, code, message)])


def refused(operation: str, refusal: Refusal) -> Answer:
    """Result 0 in the shape of the operation's outcome, with the first fault."""
    flaw = refusal.flaws[0] if refusal.flaws else Flaw("", refusal.code, refusal.message)
    found = _place(flaw.field)
    line = int(found[1]) + 1 if found and found[1] is not None else None
    code = flaw.kind if flaw.kind.startswith(("CI_", "WS_", "API_")) else "API_InvalidValue"
    body: Record = {
        "Result": 0,
        "LastErrorMsg": (flaw.message or refusal.message)[:500],
        "ErrorCode": code,
        "ErrorField": (found[2] if found else None) or None,
        "ErrorLine": line,
        "Warnings": [],
        **dict.fromkeys(NUMBERS[operation.removeprefix("create").removeprefix("update")]),
    }
    return Answer(200, body)


def stored(operation: str, record: Record, warnings: Sequence[tuple[str, str]] = ()) -> Answer:
    """Result 1, or -1 with the warnings (code, message)."""
    body = {
        "Result": -1 if warnings else 1,
        "LastErrorMsg": warnings[0][1] if warnings else "",
        "ErrorCode": None,
        "ErrorField": None,
        "ErrorLine": None,
        "Warnings": [{"Code": code, "Message": message} for code, message in warnings],
        **{name: record[name] for name in NUMBERS[operation.removeprefix("create").removeprefix("update")]},
    }
    return Answer(200, body)


class Codes:
    """The codes that the company has on file."""

    def __init__(self, contract: Contract) -> None:
        master = contract.document["x-master-data"]
        lists = (
            "ARDivisionNo",
            "WarehouseCode",
            "TermsCode",
            "TaxSchedule",
            "TaxClass",
            "BankCode",
            "SourceJournal",
            "CancelReasonCode",
            "ShipVia",
        )
        self._lists: dict[str, frozenset[str]] = {name: frozenset(master[name]) for name in lists}
        self._lists["PaymentType"] = frozenset(master["PaymentType"])
        self._lists["AccountKey"] = frozenset(master["AccountKey"])
        self._lists["ShipToCode"] = frozenset()
        same = {"ShipMethod": "ShipVia", "DefaultPaymentType": "PaymentType", "SalesAcctKey": "AccountKey"}
        self._lists |= {name: self._lists[other] for name, other in same.items()}
        self.charges: list[str] = master["ChargeItemCode"]
        self.closed_through: str = master["periods_closed_through"]

    def check(self, body: Record, line: int | None = None) -> None:
        """Refuse the first code that is not on file."""
        for name, value in body.items():
            if name in self._lists and value not in ("", None) and value not in self._lists[name]:
                raise refuse("CI_NOF", name, f"The {name} {value} is not on file.", line)

    def check_address(self, body: Record, before: str = "") -> None:
        """Refuse a country, state or ZIP code that is not on file; `before` begins the members' names."""
        state, zip_code, country = (body.get(f"{before}{name}") or "" for name in ("State", "ZipCode", "CountryCode"))
        if country and country not in _ALPHA3:
            raise refuse("CI_NOF", f"{before}CountryCode", "The country is not on file.")
        known = _STATES.get(country, set()) | (_MILITARY if country == "USA" else frozenset())
        if state and country and state not in known:
            raise refuse("CI_NOF", f"{before}State", "The state is not on file.")
        if zip_code and country == "USA" and not _on_file(zip_code):
            raise refuse("CI_NOF", f"{before}ZipCode", "The ZIP code is not on file.")


def _on_file(zip_code: str) -> bool:
    return bool(re.fullmatch(r"\d{5}(-\d{4})?", zip_code, re.ASCII)) and 501 <= int(zip_code[:5]) <= 99950 and zip_code[:5] != "11111"


def dec(value: Any) -> Decimal:
    """A JSON number exactly; 0 for none."""
    return Decimal(str(value or 0))


def number(value: Decimal) -> int | float:
    """As JSON writes it."""
    return int(value) if value == value.to_integral_value() else float(value)


def cents(value: Decimal) -> Decimal:
    """Rounded half up to 2 places."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)
