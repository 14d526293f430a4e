"""The lines of a mapping checked and compiled to plain closures, so that a field costs about a microsecond."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from integration.canonical import CANONICAL
from integration.errors import FieldError, Invalid, Misconfigured
from integration.mapping.document import Block, Document, Field
from integration.mapping.expression import Call, Expression, parse_expression
from integration.mapping.functions import ANY, AS_ARGUMENTS, FUNCTIONS
from integration.mapping.paths import Getter, general, getter
from integration.mapping.values import Step
from integration.mapping.words import Scope
from integration.schema import paths, vocabulary
from integration.suggest import did_you_mean

Faults = list[FieldError]
Fill = Callable[[Any, Faults], Any]
"""Gives a member's value and adds what is wrong with it; a fault's path starts at that member."""


def compile_side(document: Document, side: str, known_paths: frozenset[str] | None, zone: str | None = None) -> Fill:
    """One side of a file as a function. `known_paths` are those of the system's records, `zone` is that of its days. Raises Misconfigured
    with file and line."""
    return _Side(document, side == "read", known_paths, zone).object(document.sides[side], "", "")


class _Side:
    """One side being compiled; `here` and `there` are the places in the record that is read and in the one that is filled."""

    def __init__(self, document: Document, reading: bool, known_paths: frozenset[str] | None, zone: str | None) -> None:
        schema = CANONICAL[document.entity]
        canonical = paths(schema)
        self.document = document
        self.reading = reading
        self.zone = zone
        self.vocabulary = vocabulary(schema)
        self.read_paths: frozenset[str] | None = known_paths if reading else canonical
        self.filled_paths: frozenset[str] | None = canonical if reading else known_paths

    def object(self, block: Block, here: str, there: str) -> Fill:
        condition = _field("when", self.chain(block.when, here, "")) if block.when else None
        members = tuple((name, self.member(name, node, here, there)) for name, node in block.members.items())

        def fill(record: Any, faults: Faults) -> Any:
            if condition is not None and not condition(record, faults):
                return None
            filled = {}
            for name, member in members:
                filled[name] = member(record, faults)
            return filled

        return fill

    def member(self, name: str, node: Field | Block, here: str, there: str) -> Fill:
        target = there + name
        if self.filled_paths is not None and target not in self.filled_paths:
            known = [path.removeprefix(there) for path in self.filled_paths if path.startswith(there)]
            raise Misconfigured(f"there is no field {target}; {did_you_mean(name, known)}", node.where)
        if isinstance(node, Field):
            source = self.parsed(node).paths if self.reading else ()
            return _field(name, self.chain(node, here, target), f" (from {here}{source[0]})" if source else "")
        if node.each is None:
            return _nested(name, self.object(node, here, f"{target}."))
        return self.each(name, node, node.each, here, target)

    def each(self, name: str, block: Block, each: Field, here: str, target: str) -> Fill:
        expression = self.parsed(each)
        if len(expression.paths) != 1 or expression.calls:
            raise Misconfigured("`each` takes the path of a list", each.where)
        self.check_path(expression.paths[0], here, each.where)
        elements = getter(expression.paths[0] + "[]")
        return _list(name, elements, self.object(block, f"{here}{general(expression.paths[0])}[].", f"{target}[]."))

    def chain(self, node: Field, here: str, target: str) -> Step:
        """The line as one function of the record."""
        expression = self.parsed(node)
        if not expression.paths:
            return lambda _: expression.constant
        for path in expression.paths:
            self.check_path(path, here, node.where)
        path = target if self.reading else here + general(expression.paths[0])
        scope = Scope(self.document.words, self.reading, path, self.vocabulary.get(path, ()), frozenset(CANONICAL), self.zone)
        steps = tuple((self.step(call, scope, node.where), FUNCTIONS[call.name].sees_null) for call in expression.calls)
        self.check_inputs(expression, node.where)
        return _chain(tuple(getter(path) for path in expression.paths), steps)

    def parsed(self, node: Field) -> Expression:
        try:
            return parse_expression(node.text)
        except ValueError as error:
            raise Misconfigured(str(error), node.where) from None

    def check_path(self, path: str, here: str, where: str) -> None:
        if self.read_paths is not None and here + general(path) not in self.read_paths:
            known = [known.removeprefix(here) for known in self.read_paths if known.startswith(here)]
            raise Misconfigured(f"there is no path {here}{path}; {did_you_mean(general(path), known)}", where)

    def check_inputs(self, expression: Expression, where: str) -> None:
        """That as many paths stand before the first function as it takes, and that a later one is given no list of them."""
        given = len(expression.paths)
        for call in expression.calls or (Call("a field"),):
            wanted = FUNCTIONS[call.name].inputs if call.name in FUNCTIONS else 1
            if wanted == AS_ARGUMENTS:
                wanted = len(call.arguments)
            if wanted not in (ANY, given):
                raise Misconfigured(f"{call.name} takes {wanted} path{'s' * (wanted > 1)}, here {given}", where)
            given = 1

    def step(self, call: Call, scope: Scope, where: str) -> Step:
        function = FUNCTIONS.get(call.name)
        if function is None:
            raise Misconfigured(f"there is no function {call.name}; {did_you_mean(call.name, FUNCTIONS)}", where)
        signature = inspect.signature(function.make, eval_str=True)
        arguments = (scope, *call.arguments) if function.scoped else call.arguments
        wanted = [parameter for parameter in signature.parameters.values() if parameter.annotation is not Scope]
        try:
            signature.bind(*arguments)
        except TypeError:
            takes = ", ".join(str(parameter).split(":")[0] for parameter in wanted)
            raise Misconfigured(f"{call.name}({takes}) is given {len(call.arguments)} arguments", where) from None
        for place, argument in enumerate(call.arguments):
            kind = wanted[min(place, len(wanted) - 1)].annotation
            if kind in (int, str) and type(argument) is not kind:
                raise Misconfigured(f"argument {place + 1} of {call.name} must be {'a whole number' if kind is int else 'text'}", where)
        try:
            return function.make(*arguments)
        except ValueError as error:
            raise Misconfigured(str(error), where) from None


def _chain(getters: tuple[Getter, ...], steps: tuple[tuple[Step, bool], ...]) -> Step:
    get = getters[0] if len(getters) == 1 else lambda record: [get(record) for get in getters]
    if not steps:
        return get
    if len(steps) == 1 and not steps[0][1]:
        step = steps[0][0]

        def run_one(record: Any) -> Any:
            value = get(record)
            return None if value is None else step(value)

        return run_one

    def run(record: Any) -> Any:
        value = get(record)
        for step, sees_null in steps:
            if value is not None or sees_null:
                value = step(value)
        return value

    return run


def _field(name: str, chain: Step, source: str = "") -> Fill:
    def fill(record: Any, faults: Faults) -> Any:
        try:
            return chain(record)
        except Invalid as error:
            faults.append(FieldError(name, error.message + source))
            return None

    return fill


def _nested(name: str, inner: Fill) -> Fill:
    def fill(record: Any, faults: Faults) -> Any:
        before = len(faults)
        try:
            return inner(record, faults)
        finally:
            if len(faults) > before:
                faults[before:] = [FieldError(f"{name}.{fault.field}", fault.message) for fault in faults[before:]]

    return fill


def _list(name: str, elements: Getter, inner: Fill) -> Fill:
    def fill(record: Any, faults: Faults) -> Any:
        try:
            found = elements(record)
        except Invalid as error:
            faults.append(FieldError(name, error.message))
            return None
        filled: list[Any] = []
        for element in found:
            before = len(faults)
            value = inner(element, faults)
            if len(faults) > before:
                faults[before:] = [FieldError(f"{name}[{len(filled)}].{fault.field}", fault.message) for fault in faults[before:]]
            if value is not None:
                filled.append(value)
        return filled

    return fill
