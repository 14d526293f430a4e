"""What the faults switch on exists in the systems that they strike."""

from __future__ import annotations

import pytest

from chaos.faults import REFUSALS
from chaos.scene import MARKED
from commands.demo.pairs import ERPS, SHOPS
from connectors.simulation.registry import SIMULATORS
from connectors.simulation.simulator import Options


def test_whatever_the_demo_shows_can_be_struck() -> None:
    assert set(REFUSALS) == {*SHOPS, *ERPS}
    assert set(MARKED) == set(ERPS)


@pytest.mark.parametrize("system", sorted(REFUSALS))
def test_every_refusal_is_one_that_the_system_knows(system: str) -> None:
    faults = SIMULATORS[system](Options(items=20)).faults
    faults.set(dict(REFUSALS[system]))
    assert all(faults.state()[name] for name in REFUSALS[system])
