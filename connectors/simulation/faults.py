"""Fault switches: which misbehaviour is on, for which operations, and whether it strikes this time."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.simulation.answers import ControlError

# Faults that any system may have, besides the quirks of its contract.
EVERYWHERE = frozenset(
    {
        "rate-limited",  # 429 with Retry-After (`retry_after`), not counted against the limit
        "unauthorized",  # 401 although the token is good
        "unavailable",  # 503 with Retry-After (`retry_after`); with `commit` the write was done
        "server-error",  # 500 with a JSON body; with `commit` the write was done
        "html-5xx",  # 502 with an HTML body; with `commit` the write was done
        "reset-before-commit",  # the connection is reset and nothing was done
        "drop-after-commit",  # the connection is closed without an answer after the work was done
        "hang",  # the answer comes after `delay`; `commit` true: done at once, false: never done (503), "late": done then
        "slow-body",  # the headers come at once, the body dribbles over `delay`
        "refuse",  # a write is refused as invalid
        "unknown-extra-fields",  # every object of an answer has members that the contract does not name
        "nulls-in-optional-fields",  # members that may be null are null or absent
    }
)
_OPTIONS: Mapping[str, tuple[type, ...]] = {
    "rate": (int, float),
    "times": (int,),
    "seconds": (int, float),
    "operations": (list,),
    "retry_after": (int,),
    "delay": (int, float),
    "commit": (bool, str),
}


@dataclass(slots=True)
class Switch:
    """A fault that is on. `times` is what is left; `until` a monotonic instant; `operations` None where the fault chooses."""

    rate: float = 1.0
    times: int | None = None
    until: float | None = None
    operations: frozenset[str] | None = None
    retry_after: int = 1
    delay: float | None = None
    commit: bool | str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class Faults:
    """`known` are the ids of the system, `operations` its operation ids. Chances have a fixed seed, so that a run can be repeated."""

    def __init__(self, known: Iterable[str], operations: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self.known = frozenset(known)
        self.fired: Counter[str] = Counter()
        self.random = random.Random(0)
        self._operations = frozenset(operations)
        self._clock = clock
        self._on: dict[str, Switch] = {}

    def set(self, switches: Mapping[str, Any]) -> None:
        """Switch faults on (`true` or options) or off (`false`). ControlError, and no change, where a word is unknown."""
        read = {name: self._read(name, options) for name, options in switches.items()}
        for name, switch in read.items():
            if switch is None:
                self._on.pop(name, None)
            else:
                self._on[name] = switch

    def clear(self) -> None:
        self._on.clear()

    def state(self) -> dict[str, Any]:
        """What is on, with the times that are left."""
        left = {name: {} if switch.times is None else {"times": switch.times} for name, switch in self._on.items()}
        return {name: {**switch.options, **left[name]} for name, switch in self._on.items()}

    def strikes(self, name: str, operation: str = "", usual: bool = True) -> Switch | None:
        """The switch if the fault strikes now. `usual` says whether it meets this operation where the switch names none."""
        switch = self._on.get(name)
        if switch is None or (operation not in switch.operations if switch.operations is not None else not usual):
            return None
        if switch.times == 0 or (switch.until is not None and self._clock() >= switch.until):
            del self._on[name]
            return None
        if switch.rate < 1 and self.random.random() >= switch.rate:
            return None
        if switch.times is not None:
            switch.times -= 1
        self.fired[name] += 1
        return switch

    def _read(self, name: str, options: Any) -> Switch | None:
        if name not in self.known:
            raise ControlError(f"There is no fault {name!r}; there are {', '.join(sorted(self.known))}.")
        if options is False:
            return None
        if options is True:
            return Switch()
        if not isinstance(options, dict):
            raise ControlError(f"{name}: send true, false or an object of options.")
        for option, value in options.items():
            if option not in _OPTIONS:
                raise ControlError(f"{name}: there is no option {option!r}; there are {', '.join(_OPTIONS)}.")
            if not isinstance(value, _OPTIONS[option]):
                raise ControlError(f"{name}: option {option} has the wrong type.")
        unknown = sorted(set(options.get("operations", [])) - self._operations)
        if unknown:
            raise ControlError(f"{name}: there is no operation {unknown[0]!r}; there are {', '.join(sorted(self._operations))}.")
        return Switch(
            rate=options.get("rate", 1.0),
            times=options.get("times"),
            until=self._clock() + options["seconds"] if "seconds" in options else None,
            operations=frozenset(options["operations"]) if "operations" in options else None,
            retry_after=options.get("retry_after", 1),
            delay=options.get("delay"),
            commit=options.get("commit"),
            options=options,
        )
