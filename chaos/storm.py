"""Strikes by the plan, each turn in a thread of its own: whatever one waits for, the others and the orders go on."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from chaos.faults import FAULTS, Stage
from chaos.plan import Turn
from chaos.scene import Scene
from connectors.simulation.remote import RemoteSimulator
from integration import clock

END_SECONDS = 180.0
"""For what goes on when the storm is called off: a deploy starts everything anew."""


@dataclass(frozen=True, slots=True)
class Struck:
    """A turn that is over."""

    fault: str
    began: datetime
    ended: datetime


class Storm:
    """`struck` are the turns that are over, `raging` the names of those that go on, `broken` tells of those that could not be played."""

    def __init__(
        self, scene: Scene, simulators: Callable[[], Mapping[str, RemoteSimulator]], turns: Sequence[Turn], place_poison: Callable[[], None]
    ) -> None:
        self.struck: list[Struck] = []
        self.raging: list[str] = []
        self.broken: list[str] = []
        self._scene, self._simulators, self._place_poison = scene, simulators, place_poison
        self._called_off = threading.Event()
        self._threads = [threading.Thread(target=self._play, args=(turn,), name=turn.fault, daemon=True) for turn in turns]

    @property
    def over(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def begin(self) -> None:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop what goes on, and undo it."""
        self._called_off.set()
        deadline = time.monotonic() + END_SECONDS
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))

    def _play(self, turn: Turn) -> None:
        if self._called_off.wait(turn.at - (time.monotonic() - self._began)):
            return
        began, ends_at = clock.now(), self._began + turn.at + turn.lasts
        steps = FAULTS[turn.fault](Stage(self._scene, self._simulators(), self._place_poison, Random(turn.seed)))
        self.raging.append(turn.fault)
        try:
            while not self._called_off.wait(max(0.0, min(next(steps), ends_at - time.monotonic()))) and time.monotonic() < ends_at:
                pass
            steps.close()
        except Exception:  # noqa: BLE001 - of the harness, and told as such
            self.broken.append(f"{turn}: {traceback.format_exc()}")
        self.raging.remove(turn.fault)
        self.struck.append(Struck(turn.fault, began, clock.now()))
