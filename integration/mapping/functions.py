"""The functions of the mapping language by name: the one list of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from integration.mapping import local, numbers, payments, places, values, words
from integration.mapping.values import Step

ANY, AS_ARGUMENTS = 0, -1


@dataclass(frozen=True, slots=True)
class Function:
    """`make` takes the arguments, after the scope where `scoped`.

    A null passes by, save where `sees_null`. `inputs` is how many paths stand before the function: that number, `ANY`, or
    `AS_ARGUMENTS`, as many as it has arguments.
    """

    make: Callable[..., Step]
    inputs: int = 1
    scoped: bool = False
    sees_null: bool = False


FUNCTIONS: Mapping[str, Function] = {
    "text": Function(values.text),
    "tidy": Function(values.tidy),
    "upper": Function(values.upper),
    "lower": Function(values.lower),
    "cut": Function(values.cut),
    "start": Function(values.start),
    "beyond": Function(values.beyond),
    "first_of": Function(values.first_of, inputs=ANY),
    "marked": Function(values.marked, inputs=2),
    "joined": Function(values.joined, inputs=ANY),
    "listed": Function(values.listed, inputs=ANY),
    "labelled": Function(values.labelled, inputs=AS_ARGUMENTS),
    "default": Function(values.default, sees_null=True),
    "given": Function(values.given, sees_null=True),
    "decimal": Function(values.decimal),
    "sum": Function(values.total, inputs=ANY),
    "money": Function(values.money),
    "instant": Function(values.instant),
    "date": Function(values.date),
    "number": Function(numbers.number),
    "less": Function(numbers.less, inputs=ANY),
    "plus": Function(numbers.plus, inputs=ANY),
    "units_of_goods": Function(numbers.units_of_goods, inputs=2),
    "local_day": Function(local.local_day, scoped=True),
    "day_begins": Function(local.day_begins, scoped=True),
    "day_ends": Function(local.day_ends, scoped=True),
    "calendar_day": Function(local.calendar_day),
    "local_instant": Function(local.local_instant, inputs=2, scoped=True),
    "payment_state": Function(payments.payment_state, inputs=4),
    "word": Function(words.word, scoped=True),
    "whole": Function(values.whole),
    "known_as": Function(words.known_as, scoped=True),
    "word_like": Function(words.word_like, scoped=True),
    "code_like": Function(words.code_like, scoped=True),
    "key_in_target": Function(words.key_in_target, scoped=True, sees_null=True),
    "proper_case": Function(values.proper_case),
    "country": Function(places.country),
    "country_alpha3": Function(places.country_alpha3),
    "state_code": Function(places.state_code, inputs=2),
    "city_and_region": Function(places.city_and_region, inputs=3),
    "street": Function(places.street, inputs=2),
    "state": Function(places.state, inputs=2),
    "postal_code": Function(places.postal_code, inputs=2),
    "first_line": Function(places.first_line, inputs=2),
    "second_line": Function(places.second_line, inputs=2),
    "wrapped": Function(places.wrapped, inputs=ANY),
    "phone": Function(values.phone),
}
