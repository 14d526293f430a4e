"""The text of one line, `path, path | function(argument) | …` or `= constant`, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_token = re.compile(r"""\s*(?:(?P<mark>[|(),])|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s|(),"']+))""")
_is_path = re.compile(r"[A-Za-z_]\w*(\[\d*\])?(\.[A-Za-z_]\w*(\[\d*\])?)*", re.ASCII).fullmatch
_is_number = re.compile(r"-?\d+", re.ASCII).fullmatch
_WORDS: dict[str, Any] = {"null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Expression:
    """Either `paths` (their values go to the first of `calls`, as a list where there are several) or a `constant`."""

    paths: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    constant: Any = None


def parse_expression(text: str) -> Expression:
    """Raises ValueError with a sentence that says what is wrong."""
    text = text.strip()
    if text.startswith("="):
        return Expression(constant=_constant(text[1:].strip()))
    tokens = _tokens(text)
    paths: list[str] = []
    while True:
        kind, path = tokens.pop(0) if tokens else ("end", "")
        if kind != "bare" or not _is_path(path):
            raise ValueError(f"{path or text!r} is not a path; a path reads like Address.City or Lines[0].Sku, a constant like `= Active`")
        paths.append(path)
        if not tokens or tokens[0][1] != "," or tokens[0][0] != "mark":
            break
        tokens.pop(0)
    calls: list[Call] = []
    while tokens:
        if tokens.pop(0) != ("mark", "|"):
            raise ValueError(f"after {paths[-1] if not calls else calls[-1].name} comes `| function` or nothing")
        calls.append(_call(tokens))
    return Expression(tuple(paths), tuple(calls))


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, place = [], 0
    while place < len(text):
        match = _token.match(text, place)
        if match is None:
            raise ValueError("a quotation mark is not closed")
        kind = match.lastgroup or "bare"
        tokens.append((kind, match[kind]))
        place = match.end()
    return tokens


def _call(tokens: list[tuple[str, str]]) -> Call:
    kind, name = tokens.pop(0) if tokens else ("end", "")
    if kind != "bare" or not name.isidentifier():
        raise ValueError("after `|` comes the name of a function")
    if not tokens or tokens[0] != ("mark", "("):
        return Call(name)
    tokens.pop(0)
    arguments: list[Any] = []
    while tokens:
        kind, value = tokens.pop(0)
        if (kind, value) == ("mark", ")") and not arguments:
            return Call(name)
        if kind == "mark":
            raise ValueError(f"an argument of {name} is missing")
        arguments.append(_literal(kind, value))
        closing = tokens.pop(0) if tokens else ("end", "")
        if closing == ("mark", ")"):
            return Call(name, tuple(arguments))
        if closing != ("mark", ","):
            break
    raise ValueError(f"the parenthesis of {name} is not closed")


def _literal(kind: str, text: str) -> Any:
    if kind != "bare":
        return text
    return int(text) if _is_number(text) else _WORDS.get(text, text)


def _constant(text: str) -> Any:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    if not text:
        raise ValueError("a constant needs a value after `=`")
    return _literal("bare", text)
