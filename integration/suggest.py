"""The nearest right name for a wrong one, so that an error says what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 12
"""Names that a sentence lists at most."""


def did_you_mean(wrong: object, known: Iterable[object]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or else those that there are."""
    names = sorted(str(name) for name in known)
    near = get_close_matches(str(wrong), names, n=1, cutoff=0.6) or [name for name in names if name.casefold() == str(wrong).casefold()]
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known here: {', '.join(names[:MOST])}{', …' if len(names) > MOST else ''}." if names else "none is known here."
