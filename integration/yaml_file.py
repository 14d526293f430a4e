"""Reads YAML that people wrote, whatever they wrote: each fault is one sentence with file and line, and no few lines become millions."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent

from integration.errors import Misconfigured

T = TypeVar("T")

MOST_ENTRIES = 100_000
"""Names and values of one file; ours have a few hundred."""

DEEPEST = 100
"""Brackets within brackets."""

_brackets = re.compile(r"[\[\]{}]").findall
_may_hold_alias = re.compile(r"(?:^|[\s,\[{:-])\*\S").search


def read(path: Path, take: Callable[[str], T]) -> T:
    """What `take` makes of the file's text. Raises Misconfigured for all that is wrong with the file or its YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Misconfigured(f"the file cannot be read ({error.strerror})", str(path)) from None
    except UnicodeDecodeError:
        raise Misconfigured("the file is not UTF-8 text", str(path)) from None
    try:
        _refuse_an_abyss(text)
        _refuse_a_bomb(text, path)
        return take(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = (error.problem or "is not YAML").partition("\n")[0]
        raise Misconfigured(f"this is not valid YAML: {problem}", f"{path}:{mark.line + 1 if mark else 1}") from None
    except YAMLError:
        raise Misconfigured("this is not valid YAML", f"{path}:1") from None
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, AssertionError, NotImplementedError):
        # What the library raises for a value or name that is not of the type that it looks like, or is tagged as.
        raise Misconfigured("a value or a name here is none that YAML can read; put it in quotes", f"{path}:1") from None
    except RecursionError:
        raise Misconfigured("this is nested too deep; a file that is meant has a few levels", f"{path}:1") from None


def _refuse_an_abyss(text: str) -> None:
    """Raises RecursionError at once, which the library comes to only after seconds."""
    steps = (1 if sign in "[{" else -1 for sign in _brackets(text))
    if max(accumulate(steps), default=0) > DEEPEST:
        raise RecursionError


def _refuse_a_bomb(text: str, path: Path) -> None:
    """Raises Misconfigured where aliases make more of the file than anyone wrote, or one stands for what holds it."""
    if not _may_hold_alias(text):
        return
    total, open_at = 0, list[tuple[str | None, int]]()  # the anchor of what is open, and how much there was before it
    sizes: dict[str, int] = {}
    for event in YAML(typ="safe", pure=True).parse(text):
        anchor = getattr(event, "anchor", None)
        if isinstance(event, AliasEvent):
            if anchor not in sizes:
                sentence = f"the alias *{anchor} stands for nothing that is written before it"
                raise Misconfigured(sentence, f"{path}:{event.start_mark.line + 1}")
            total += sizes[anchor]
        elif isinstance(event, CollectionStartEvent):
            open_at.append((anchor, total))
            total += 1
        elif isinstance(event, CollectionEndEvent):
            name, before = open_at.pop()
            if name is not None:
                sizes[name] = total - before
        elif isinstance(event, ScalarEvent):
            total += 1
            if anchor is not None:
                sizes[anchor] = 1
        if total > MOST_ENTRIES:
            sentence = f"with its aliases written out this is more than {MOST_ENTRIES} entries"
            raise Misconfigured(sentence, f"{path}:{event.start_mark.line + 1}")
