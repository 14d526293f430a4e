"""The mapping function that tells from an order's payments whether it is paid."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integration.errors import Invalid
from integration.mapping.values import Step, exact


def payment_state(*captured: str) -> Step:
    """Takes the payments' states, amounts and amounts given back, and the order's total. `captured`: states in which money was taken."""

    def step(values: Any) -> str:
        states, amounts, returned, total = values
        if not all(isinstance(given, list) for given in (states, amounts, returned)):
            raise Invalid("is not a list of payments")
        if not len(states) == len(amounts) == len(returned):
            raise Invalid("comes from lists of different lengths; name members of one list")
        taken = [
            (exact(amount), exact(back or 0)) for state, amount, back in zip(states, amounts, returned, strict=True) if state in captured
        ]
        got = sum((amount for amount, _ in taken), Decimal(0))
        kept = got - sum((back for _, back in taken), Decimal(0))
        if got > 0 >= kept:
            return "refunded"
        if kept >= exact(total):
            return "paid"
        return "partially_paid" if kept > 0 else "unpaid"

    return step
