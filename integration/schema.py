"""The marshmallow ground under every schema, canonical and of the systems: lean fields, and faults as field paths.

The fields answer in one call a value; marshmallow's own chain of hooks would cost several times what the checks cost.
No message repeats a value, save words of a closed list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, missing, validate
from marshmallow.error_store import ErrorStore

from integration.errors import FieldError, Invalid

REFERENCE = "$key_of"
PART = "$part"
"""`{"$key_of": "customer"}` stands for the target's key of another record until delivery puts that key in; with `"$part": 2` beside
it for the second part of a key that has two."""

SEPARATOR = "-"
"""Between the parts of a key that has two, as in 01-0000123; the first part holds none."""

LARGEST = Decimal(10) ** 10

_is_email = validate.Email()


class ReadSchema(Schema):
    """An object that is read: members that it does not name are ignored."""

    class Meta:
        unknown = EXCLUDE

    error_messages = {"type": "must be an object", "unknown": "is not a member here"}  # noqa: RUF012 - marshmallow declares it so

    def _deserialize(self, data: Any, *, error_store: ErrorStore, many: bool = False, index: int | None = None, **options: Any) -> Any:
        """marshmallow's loop without partial loads and renamed members, which no schema here has: it is run some ten times an order."""
        if many:
            return [self._deserialize(one, error_store=error_store, index=place, **options) for place, one in enumerate(data)]
        say: Callable[..., None] = error_store.store_error
        loaded: dict[str, Any] = {}
        if not isinstance(data, Mapping):
            say([self.error_messages["type"]], index=index)
            return loaded
        for name, member in self.load_fields.items():
            try:
                value = member.deserialize(data.get(name, missing))
            except ValidationError as error:
                say(error.messages, name, index=index)
                value = error.valid_data or missing
            if value is not missing:
                loaded[name] = value
        if options["unknown"] == RAISE:
            for name in data.keys() - self.load_fields.keys():
                say([self.error_messages["unknown"]], name, index)
        return loaded


class WriteSchema(ReadSchema):
    """An object that is written: a member that it does not name is a fault."""

    class Meta:
        unknown = RAISE


class Value(fields.Field[Any]):
    """A member. Null and absent are alike, except where `nullable` is False: then it may be absent, but not null."""

    def __init__(self, *, required: bool = False, nullable: bool = True) -> None:
        super().__init__(required=required, allow_none=nullable and not required)

    def deserialize(self, value: Any, *_where: Any, **_options: Any) -> Any:
        if value is None or value is missing:
            if self.required:
                raise ValidationError("is missing")
            if value is None and not self.allow_none:
                raise ValidationError("may be left out, but not be null")
            return value
        return self.check(value)

    def check(self, value: Any) -> Any:
        """The value, converted where the field says so; raises ValidationError."""
        return value


class Text(Value):
    """Text of `least` to `most` characters, in the `pattern` (whole; `shape` says it in words) or `among` the words of a closed list."""

    def __init__(
        self,
        most: int,
        least: int = 0,
        *,
        pattern: str | None = None,
        shape: str = "",
        among: tuple[str, ...] = (),
        required: bool = False,
        nullable: bool = True,
    ) -> None:
        super().__init__(required=required, nullable=nullable)
        self.most, self.least, self.shape, self.among = most, least, shape, among
        self.match = re.compile(pattern, re.ASCII).fullmatch if pattern else None

    def check(self, value: Any) -> Any:
        if type(value) is not str:
            raise ValidationError("must be text")
        if len(value) > self.most:
            raise ValidationError(f"is longer than {self.most} characters")
        if len(value) < self.least:
            raise ValidationError("is empty")
        if self.match is not None and not self.match(value):
            raise ValidationError(f"is not {self.shape}")
        if self.among and value not in self.among:
            raise ValidationError(f"is {value!r}, which is none of {', '.join(self.among)}")
        return value


class Email(Text):
    """An e-mail address, kept as it was sent; with `least` 0 it may be empty."""

    def __init__(self, least: int = 1) -> None:
        super().__init__(254, least)

    def check(self, value: Any) -> Any:
        if super().check(value):
            try:
                _is_email(value)
            except ValidationError:
                raise ValidationError("is not an e-mail address") from None
        return value


class Instant(Text):
    """An RFC 3339 instant in UTC with a literal Z and 0 to 3 fractional digits, kept as text."""

    def __init__(self, *, required: bool = False) -> None:
        pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z"
        super().__init__(24, pattern=pattern, shape="an instant such as 2026-03-02T14:05:09.120Z", required=required)

    def check(self, value: Any) -> Any:
        super().check(value)
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise ValidationError("is not an instant that exists") from None
        return value


class Day(Text):
    """A calendar day, YYYY-MM-DD, kept as text."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(10, pattern=r"\d{4}-\d\d-\d\d", shape="a day such as 2026-03-02", required=required)

    def check(self, value: Any) -> Any:
        super().check(value)
        try:
            date.fromisoformat(value)
        except ValueError:
            raise ValidationError("is not a day that exists") from None
        return value


class MoneyText(Text):
    """Money of zero or more as text with exactly so many decimals."""

    def __init__(self, decimals: int = 2, *, required: bool = False, nullable: bool = True) -> None:
        super().__init__(
            11 + decimals,
            pattern=rf"\d{{1,10}}\.\d{{{decimals}}}",
            shape=f"an amount of zero or more with {decimals} decimals such as 19.{'90'.ljust(decimals, '0')}",
            required=required,
            nullable=nullable,
        )


class Number(Value):
    """An amount of zero or more as a JSON number with at most so many decimals; however it is written, it means the same."""

    def __init__(self, decimals: int = 2, *, required: bool = False, nullable: bool = True) -> None:
        super().__init__(required=required, nullable=nullable)
        self.decimals = decimals

    def check(self, value: Any) -> Any:
        try:  # storage keeps a fraction as text
            number = Decimal(value) if type(value) in (int, str, Decimal) else None
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite() or not 0 <= number < LARGEST or number != round(number, self.decimals):
            raise ValidationError(f"must be a number of zero or more with at most {self.decimals} decimals")
        return number


class Whole(Value):
    """A whole number from `least` to `most`."""

    def __init__(self, least: int, most: int, *, required: bool = False) -> None:
        super().__init__(required=required)
        self.least, self.most = least, most

    def check(self, value: Any) -> Any:
        if type(value) is not int:
            raise ValidationError("must be a whole number")
        if not self.least <= value <= self.most:
            raise ValidationError(f"is {value}, which is not from {self.least} to {self.most}")
        return value


class Flag(Value):
    """True or false."""

    def check(self, value: Any) -> Any:
        if type(value) is not bool:
            raise ValidationError("must be true or false")
        return value


class Key(Text):
    """A key of the target, or the reference that stands for it until delivery knows it."""

    def check(self, value: Any) -> Any:
        if type(value) is dict and value.keys() <= {REFERENCE, PART} and REFERENCE in value:
            return value
        return super().check(value)


class Part(fields.Nested):
    """An object inside another."""

    def __init__(self, schema: type[Schema], *, required: bool = False) -> None:
        super().__init__(schema, required=required, allow_none=not required)

    def deserialize(self, value: Any, *_where: Any, **_options: Any) -> Any:
        if value is None or value is missing:
            if self.required:
                raise ValidationError("is missing")
            return value
        return self.schema.load(value)


class Parts(fields.Nested):
    """A list of `least` to `most` objects."""

    def __init__(self, schema: type[Schema], most: int, least: int = 0, *, required: bool = False) -> None:
        super().__init__(schema, many=True, required=required, allow_none=not required)
        self.most, self.least = most, least

    def deserialize(self, value: Any, *_where: Any, **_options: Any) -> Any:
        if value is None or value is missing:
            if self.required:
                raise ValidationError("is missing")
            return value
        if type(value) is not list:
            raise ValidationError("must be a list")
        if not self.least <= len(value) <= self.most:
            raise ValidationError(f"has {len(value)} entries, which is not from {self.least} to {self.most}")
        return self.schema.load(value)


def resolved(value: Any, entity: str, key: str) -> Any:
    """The key, or the part of it, that a reference to the entity stands for; any other value as it is."""
    if not (isinstance(value, Mapping) and value.get(REFERENCE) == entity):
        return value
    parts = key.partition(SEPARATOR)
    return {None: key, 1: parts[0], 2: parts[2]}[value.get(PART)]


def checked(schema: Schema, data: Mapping[str, Any], what: str) -> dict[str, Any]:
    """`data` as the schema reads it. Raises Invalid with every fault of `what` ("the order"), each under its path (`Items[0].SKU`)."""
    try:
        loaded: dict[str, Any] = schema.load(data)
    except ValidationError as error:
        found = tuple(_faults(error.messages, ""))
    else:
        return loaded
    raise Invalid(summary(what, found), found)


def faults(schema: Schema, data: Mapping[str, Any]) -> tuple[FieldError, ...]:
    """What the schema says against `data`, each fault under its path (`Items[0].SKU`)."""
    return tuple(_faults(schema.validate(data), ""))


def sound(schema: Schema, data: Any) -> tuple[dict[str, Any], tuple[FieldError, ...]]:
    """What of `data` passes, as the schema reads it, and what it says against the rest."""
    try:
        return schema.load(data), ()
    except ValidationError as error:
        return error.valid_data if isinstance(error.valid_data, dict) else {}, tuple(_faults(error.messages, ""))


def summary(what: str, found: Sequence[FieldError]) -> str:
    """One sentence that says how many fields of `what` do not pass, and the first of them."""
    return f"{what}: {found[0]}" if len(found) == 1 else f"{what}: {len(found)} fields do not pass, the first is {found[0]}"


def paths(schema: Schema) -> frozenset[str]:
    """Every path that the schema knows: `Items`, `Items[].SKU`, `ShippingAddress.City`."""
    return frozenset(path for path, _ in _members(schema, ""))


def vocabulary(schema: Schema) -> dict[str, tuple[str, ...]]:
    """The words of every path that has a closed list of them."""
    return {path: member.among for path, member in _members(schema, "") if isinstance(member, Text) and member.among}


def named(schema: Schema, data: Any) -> Any:
    """What of `data` the schema names, at any depth, without nulls: the part that a mapping can read, whether or not it passes."""
    if not isinstance(data, Mapping):
        return data
    kept = {}
    for name, member in schema.fields.items():
        value = data.get(name)
        if isinstance(member, fields.Nested):
            value = [named(member.schema, one) for one in value] if isinstance(value, list) else named(member.schema, value)
        if value is not None:
            kept[name] = value
    return kept


def email(schema: Schema, data: Any) -> str | None:
    """The first e-mail address that `data` holds where the schema names one, whether or not it passes."""
    if isinstance(data, Mapping):
        for name, member in schema.fields.items():
            value = data.get(name)
            if isinstance(member, Email) and isinstance(value, str) and value.strip():
                return value
            if isinstance(member, fields.Nested) and not member.many and (found := email(member.schema, value)):
                return found
    return None


def knows_email(schema: Schema) -> bool:
    return any(isinstance(member, Email) for _, member in _members(schema, ""))


def _members(schema: Schema, prefix: str) -> Iterator[tuple[str, fields.Field[Any]]]:
    for name, member in schema.fields.items():
        yield prefix + name, member
        if isinstance(member, fields.Nested):
            yield from _members(member.schema, f"{prefix}{name}{'[]' if member.many else ''}.")


def _faults(messages: Any, path: str) -> Iterator[FieldError]:
    if isinstance(messages, list):
        yield from (FieldError(path, message) for message in messages)
        return
    for name, inner in messages.items():
        if name == "_schema":
            yield from _faults(inner, path)
        elif isinstance(name, int):
            yield from _faults(inner, f"{path}[{name}]")
        else:
            yield from _faults(inner, f"{path}.{name}" if path else name)
