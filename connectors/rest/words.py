"""What a system says when it refuses: where its code, message and field faults sit in an answer, told without personal data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from integration.errors import FieldError

_HIDDEN = "…"
_EMAIL = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+")
_PHONE = re.compile(r"(?<![\w.-])(?!\d{4}-\d\d-\d\d)\+?\(?\d[\d\s()./-]{5,}\d(?!\w)")
_FIELD = re.compile(r"[\w.\[\]-]{1,200}")
_CODE = re.compile(r"[\w-]{1,60}")
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Words:
    """A refusal as it may be shown and logged."""

    code: str
    message: str
    fields: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class JsonErrors:
    """A JSON error body; places are dotted.

    `code`, `message`: of the whole. `details`: a list of faults, each with `field`, `text` and perhaps `reason` (its code). `current`: the
    record as it is now, in a 409. `denied`: a member that makes a 2xx answer mean 401. `plain`: members of ours without personal data,
    whose values may be repeated in a message.
    """

    kind: Literal["json"]
    code: str
    message: str
    details: str
    field: str
    text: str
    reason: str | None = None
    current: str | None = None
    denied: str | None = None
    plain: tuple[str, ...] = ()

    def is_denied(self, body: Any) -> bool:
        return self.denied is not None and isinstance(body, dict) and body.get(self.denied) is not None

    def is_own(self, body: Any) -> bool:
        """Whether the system itself wrote this error, and not a proxy or another server in front of it."""
        return isinstance(_at(body, self.code), str)

    def record(self, body: Any) -> dict[str, Any] | None:
        """The record as it is now, of a version conflict."""
        record = _at(body, self.current) if self.current else None
        return record if isinstance(record, dict) else None

    def read(self, body: Any, sent: Any) -> Words:
        """The refusal in `body`, with the values that we `sent` hidden where they may be personal."""
        redact = Redaction(sent, self.plain)
        details = _at(body, self.details)
        faults = [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
        fields = tuple(self._fault(fault, redact) for fault in faults[:50])
        return Words(_word(_at(body, self.code)), redact(_at(body, self.message)), fields)

    def _fault(self, fault: Mapping[str, Any], redact: Redaction) -> FieldError:
        field = str(fault.get(self.field) or "")
        reason, text = _word(fault.get(self.reason)) if self.reason else "", redact(fault.get(self.text))
        return FieldError(field if _FIELD.fullmatch(field) else "", ": ".join(part for part in (reason, text) if part) or "no reason given")


Errors = JsonErrors
"""The registry: a new shape is one class more in this line."""


def _at(body: Any, place: str) -> Any:
    for member in place.split("."):
        body = body.get(member) if isinstance(body, dict) else None
    return body


def _word(value: Any) -> str:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


class Redaction:
    """Hides what looks like an e-mail address or a phone number, and every value of ours whose member is not `plain`, word by word."""

    def __init__(self, sent: Any, plain: tuple[str, ...]) -> None:
        self._plain: set[str] = set()
        hidden: set[str] = set()
        for member, value in _leaves(sent, ""):
            if member in plain:
                self._plain.add(value)
            else:
                hidden.add(value)
                hidden.update(word for word in re.findall(r"\w+", value) if len(word) > 2)
        values = "|".join(re.escape(value) for value in sorted(hidden - {""}, key=len, reverse=True))
        self._values = re.compile(rf"(?<!\w)(?:{values})(?!\w)", re.IGNORECASE) if values else None

    def __call__(self, said: Any) -> str:
        """One line, cut at a few hundred letters; "" for what is no text."""
        if not isinstance(said, str):
            return ""
        text = " ".join(said[: 4 * _LONGEST].split())
        if self._values is not None:
            text = self._values.sub(_HIDDEN, text)
        text = _PHONE.sub(self._phone, _EMAIL.sub(_HIDDEN, text))
        return text[:_LONGEST]

    def _phone(self, found: re.Match[str]) -> str:
        return found.group() if found.group() in self._plain else _HIDDEN


def _leaves(value: Any, member: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, name)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner, member)
    elif value is not None and not isinstance(value, bool):
        yield member, str(value)
