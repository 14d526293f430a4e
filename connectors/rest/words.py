"""What a system says when it refuses: where its code, message and field faults sit in an answer, told without personal data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

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
    record as it is now, in a 409; `outdated`: the code of one that says no more than that there is a newer version. `denied`: a member
    that makes a 2xx answer mean 401. `plain`: members of ours without personal data, whose values may be repeated in a message.
    """

    kind: Literal["json"]
    code: str
    message: str
    details: str
    field: str
    text: str
    reason: str | None = None
    current: str | None = None
    outdated: str | None = None
    denied: str | None = None
    plain: tuple[str, ...] = ()

    def is_denied(self, body: Any) -> bool:
        return self.denied is not None and isinstance(body, dict) and body.get(self.denied) is not None

    def is_own(self, body: Any) -> bool:
        """Whether the system itself wrote this error, and not a proxy or another server in front of it."""
        return isinstance(_at(body, self.code), str)

    def is_refused(self, body: Any) -> bool:
        """Whether a 2xx answer says that nothing was done."""
        return False

    def note(self, body: Any, sent: Any) -> str:
        return ""

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


@dataclass(frozen=True, slots=True)
class ResultErrors:
    """A write whose 2xx answer says itself whether it was done: its member `result` is `refused` where it was not, for the reason `code`
    in the `field` of a body, or of the `line` (from 1) of its list `lines`. `warnings`: a list of what was to be said beside having done
    it, each with `warning` (its code) and `text`. `plain` as with JsonErrors."""

    kind: Literal["result"]
    result: str
    refused: int
    code: str
    message: str
    field: str
    line: str
    lines: str
    warnings: str
    warning: str
    text: str
    plain: tuple[str, ...] = ()
    outdated: ClassVar[str | None] = None

    def is_denied(self, body: Any) -> bool:
        return False

    def is_refused(self, body: Any) -> bool:
        found = body.get(self.result) if isinstance(body, dict) else None
        return found == self.refused and found is not False

    def is_own(self, body: Any) -> bool:
        """Whether the system itself wrote this error, and not a proxy or another server in front of it."""
        return isinstance(_at(body, self.code), str)

    def record(self, body: Any) -> dict[str, Any] | None:
        return None

    def read(self, body: Any, sent: Any) -> Words:
        """The refusal in `body`, with the values that we `sent` hidden where they may be personal."""
        code, message = _word(_at(body, self.code)), Redaction(sent, self.plain)(_at(body, self.message))
        field, line = str(_at(body, self.field) or ""), _at(body, self.line)
        if type(line) is int and line > 0:
            field = f"{self.lines}[{line - 1}].{field}".rstrip(".")
        faults = (FieldError(field, ": ".join(filter(None, (code, message)))),) if field and _FIELD.fullmatch(field) else ()
        return Words(code, message, faults)

    def note(self, body: Any, sent: Any) -> str:
        """What was said beside having done it, for the story."""
        redact, found = Redaction(sent, self.plain), _at(body, self.warnings)
        said = [(_word(one.get(self.warning)), redact(one.get(self.text))) for one in found or () if isinstance(one, dict)]
        return "; ".join(": ".join(filter(None, each)) for each in said)[:_LONGEST]


Errors = JsonErrors | ResultErrors
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
