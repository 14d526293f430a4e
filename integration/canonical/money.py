"""Money in canonical form: an exact decimal amount."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import ValidationError

from integration.schema import Value


class Money(Value):
    """A Decimal, read from text where the record comes from storage; a float is refused, because it has lost cents already."""

    def check(self, value: Any) -> Any:
        if type(value) is str:
            try:
                value = Decimal(value)
            except InvalidOperation:
                raise ValidationError("is not an amount") from None
        if type(value) is not Decimal or not value.is_finite():
            raise ValidationError("must be a decimal amount")
        return value
