"""A system's OpenAPI file as a simulator uses it: which operation a request is, and whether requests and answers keep the contract."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema_rs
from ruamel.yaml import YAML

from connectors.simulation.answers import Flaw

Schema = dict[str, Any]

# What a flaw of a schema is called. The words are those of the FieldErrorCode list of TIMS; other systems show messages alone.
KINDS: Mapping[str, tuple[str, str]] = {
    "required": ("required", "Is required."),
    "additionalProperties": ("unknown_field", "Is not a member of this object."),
    "falseSchema": ("unknown_field", "Must not be sent here."),
    "type": ("invalid_type", "Must be {types}."),
    "format": ("invalid_format", "Must have the format {format}."),
    "pattern": ("invalid_format", "Does not have the form wanted."),
    "enum": ("invalid_value", "Is not one of the values allowed."),
    "const": ("invalid_value", "Is not the value allowed."),
    "not": ("invalid_value", "Is not a value allowed."),
    "uniqueItems": ("invalid_value", "Must not repeat a value."),
    "maxLength": ("too_long", "Must be at most {limit} characters."),
    "minLength": ("too_short", "Must be at least {limit} characters."),
    "maximum": ("out_of_range", "Must be at most {limit}."),
    "minimum": ("out_of_range", "Must be at least {limit}."),
    "exclusiveMinimum": ("out_of_range", "Must be above {limit}."),
    "maxItems": ("too_many", "Must be at most {limit} entries."),
    "minItems": ("too_short", "Must be at least {limit} entries."),
    "minProperties": ("required", "Must have at least {limit} members."),
}


class Shape:
    """A compiled schema. `schema` is plain: without references, with `allOf` merged."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)

    def holds(self, value: Any) -> bool:
        return self._validator.is_valid(value)

    def flaws(self, value: Any) -> list[Flaw]:
        """One per member, in the order of the body; the first that the schema names where a member has several."""
        found: dict[str, tuple[tuple[int, ...], Flaw]] = {}
        for error in self._validator.iter_errors(value):
            kind, text = KINDS[error.kind.name]
            facts = error.kind.as_dict()
            message = text.format(**{name: " or ".join(fact) if isinstance(fact, list) else fact for name, fact in facts.items()})
            for member in [facts["property"]] if "property" in facts else facts.get("unexpected", [None]):
                path = [*error.instance_path, *([] if member is None else [member])]
                name = _dotted(path)[:200]
                found.setdefault(name, (_place(value, path), Flaw(name, kind, message)))
        return [flaw for _, flaw in sorted(found.values(), key=lambda pair: pair[0])]


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    shape: Shape

    def read(self, text: str) -> Any:
        """The value in its type; ValueError with one sentence where it has another."""
        value: Any = text
        match self.shape.schema["type"]:
            case "integer":
                value = int(text) if re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", text) else text
            case "boolean":
                value = {"true": True, "false": False}.get(text, text)
        for flaw in self.shape.flaws(value):
            raise ValueError(flaw.message)
        return value


@dataclass(slots=True)
class Operation:
    """One operation. `body` is None where it takes none; `answers` has a shape, or None for no JSON body, by status or `5XX`."""

    id: str
    method: str
    path: str
    query: Mapping[str, Parameter]
    in_path: Mapping[str, Parameter]
    body: Shape | None
    answers: Mapping[str, Shape | None] = field(repr=False)
    # Of a batch whose items are checked one by one, set by split().
    item: Shape | None = None

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    def split(self, member: str = "Items") -> Shape:
        """The shape of one of the body's items, from now on checked apart from it: a wrong item does not fail such a batch."""
        if self.item is None:
            assert self.body is not None  # by the contract
            whole = self.body.schema
            self.item = Shape(whole["properties"][member]["items"])
            self.body = Shape({**whole, "properties": {member: {"type": "array"}}})
        return self.item

    def complaint(self, status: int, body: Any) -> str | None:
        """What is wrong with an answer, in one sentence without values; None where it keeps the contract."""
        known = next((key for key in (str(status), f"{status // 100}XX") if key in self.answers), None)
        if known is None:
            # 400 for an unknown query parameter is a rule for every operation.
            return None if status == 400 else f"{self.id}: status {status} is not in the contract"
        shape = self.answers[known]
        if shape is None:
            return None if body is None else f"{self.id}: {status} has a body"
        if isinstance(body, str) or shape.holds(body):
            return None
        flaw = shape.flaws(body)[0]
        return f"{self.id}: {status}: {flaw.field}: {flaw.message}"


class Contract:
    """The file of one system. Shapes are compiled once, when the simulator starts."""

    def __init__(self, path: Path) -> None:
        self.document: dict[str, Any] = YAML(typ="safe").load(path)
        self.operations: dict[str, Operation] = {}
        self._exact: dict[tuple[str, str], Operation] = {}
        self._patterns: dict[tuple[str, int], list[tuple[list[str], Operation]]] = {}
        for url, item in self.document["paths"].items():
            for method in item.keys() & {"get", "post", "put", "delete"}:
                self._add(self._operation(url, method.upper(), item))
        self.events = {name: self._event(self._resolved(item)) for name, item in self.document.get("webhooks", {}).items()}

    def route(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation of a request and its path parameters as text. `raw_path` is percent-encoded, so that %2F stays in its segment."""
        operation = self._exact.get((method, raw_path))
        if operation is not None:
            return operation, {}
        segments = raw_path.split("/")
        for pattern, operation in self._patterns.get((method, len(segments)), []):
            if all(want == got or want[:1] == "{" for want, got in zip(pattern, segments, strict=True)):
                return operation, {want[1:-1]: unquote(got) for want, got in zip(pattern, segments, strict=True) if want[:1] == "{"}
        return None

    def schema(self, name: str) -> Schema:
        """A schema of the file, plain."""
        return self.plain(self.document["components"]["schemas"][name])

    def _add(self, operation: Operation) -> None:
        self.operations[operation.id] = operation
        if operation.in_path:
            segments = operation.path.split("/")
            self._patterns.setdefault((operation.method, len(segments)), []).append((segments, operation))
        else:
            self._exact[operation.method, operation.path] = operation

    def _operation(self, url: str, method: str, item: Mapping[str, Any]) -> Operation:
        spec = item[method.lower()]
        parameters = [self._resolved(each) for each in [*item.get("parameters", []), *spec.get("parameters", [])]]
        shapes = {where: {each["name"]: self._parameter(each) for each in parameters if each["in"] == where} for where in ("query", "path")}
        body = self._resolved(spec["requestBody"])["content"].get("application/json") if "requestBody" in spec else None
        answers = {}
        for status, answer in spec["responses"].items():
            bodies = self._resolved(answer).get("content", {})
            content = bodies.get("application/json", bodies.get("application/problem+json"))
            answers[str(status)] = None if content is None else Shape(self.plain(content["schema"]))
        return Operation(
            id=spec["operationId"],
            method=method,
            path=url,
            query=shapes["query"],
            in_path=shapes["path"],
            body=None if body is None else Shape(closed(self.plain(body["schema"]))),
            answers=answers,
        )

    def _parameter(self, spec: Mapping[str, Any]) -> Parameter:
        return Parameter(spec["name"], Shape(self.plain(spec["schema"])))

    def _event(self, item: Mapping[str, Any]) -> Shape:
        return Shape(self.plain(self._resolved(item["post"]["requestBody"])["content"]["application/json"]["schema"]))

    def _resolved(self, node: Any) -> Any:
        while "$ref" in node:
            target: Any = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def plain(self, schema: Schema) -> Schema:
        """The same schema without references and with `allOf` merged, so that unknown members can be told object by object."""
        plain: Schema = {}
        for part in [*([{"$ref": schema["$ref"]}] if "$ref" in schema else []), *schema.get("allOf", [])]:
            inner = self.plain(self._resolved(part))
            plain["properties"] = {**plain.get("properties", {}), **inner.pop("properties", {})}
            plain["required"] = [*plain.get("required", []), *inner.pop("required", [])]
            plain |= inner
        for word, value in schema.items():
            match word:
                case "$ref" | "allOf" | "unevaluatedProperties" | "description" | "example":
                    pass
                case "properties":
                    members = {name: each if isinstance(each, bool) else self.plain(each) for name, each in value.items()}
                    plain[word] = {**plain.get(word, {}), **members}
                case "items" | "if" | "then" | "else":
                    plain[word] = self.plain(value)
                case "required":
                    plain[word] = [*plain.get(word, []), *value]
                case _:
                    plain[word] = value
        return {word: value for word, value in plain.items() if value or word not in ("properties", "required")}


@functools.cache
def load(path: Path) -> Contract:
    """The contract of a file, compiled once for a process."""
    return Contract(path)


def closed(schema: Schema) -> Schema:
    """The same plain schema with no members beyond the named, at any depth: how the contracts read a request body."""
    out = dict(schema)
    if "properties" in schema:
        out["properties"] = {name: closed(each) for name, each in schema["properties"].items()}
        out["additionalProperties"] = False
    if "items" in schema:
        out["items"] = closed(schema["items"])
    return out


def _dotted(path: Sequence[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _place(value: Any, path: Sequence[str | int]) -> tuple[int, ...]:
    """Where a member stands in the body, for sorting; a missing one comes behind the members of its object."""

    def steps() -> Iterator[int]:
        here = value
        for step in path:
            if isinstance(here, dict):
                yield list(here).index(str(step)) if step in here else len(here)
                here = here.get(str(step))
            else:
                yield int(step)
                here = here[int(step)]

    return tuple(steps())
