"""The simulated systems: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.channeladvisor.simulator import ChannelAdvisorSimulator
from connectors.clarity.simulator import ClaritySimulator
from connectors.sage100.simulator import Sage100Simulator
from connectors.simulation.simulator import Options, Simulator
from connectors.tims.simulator import TimsSimulator

SIMULATORS: Mapping[str, Callable[[Options], Simulator]] = {
    "channeladvisor": ChannelAdvisorSimulator,
    "clarity": ClaritySimulator,
    "sage100": Sage100Simulator,
    "tims": TimsSimulator,
}
