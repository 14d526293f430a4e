"""The nearest right name for a wrong one, so that an error says what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def one_of(wrong: str, right: Iterable[str]) -> str:
    """`did you mean …?`, or where nothing is near, the names that exist."""
    names = sorted(right)
    near = get_close_matches(wrong, names, n=1, cutoff=0.6) or [name for name in names if name.casefold() == wrong.casefold()]
    if near:
        return f"did you mean {near[0]}?"
    return f"there is {', '.join(names[:12])}{', …' if len(names) > 12 else ''}" if names else "there is none"
