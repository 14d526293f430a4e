"""What the faults switch on exists in the systems that they strike."""

from __future__ import annotations

import pytest

from chaos.faults import REFUSALS
from connectors.simulation.registry import SIMULATORS
from connectors.simulation.simulator import Options


@pytest.mark.parametrize("system", sorted(REFUSALS))
def test_every_refusal_is_one_that_the_system_knows(system: str) -> None:
    faults = SIMULATORS[system](Options(items=20)).faults
    faults.set(dict(REFUSALS[system]))
    assert all(faults.state()[name] for name in REFUSALS[system])
