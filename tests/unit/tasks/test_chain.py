"""A bell that cannot be rung fails nothing."""

from __future__ import annotations

import pytest
import structlog

from integration.ledger.batches import Due


@pytest.mark.parametrize("flow", ["orders", "taken-out"])
def test_ringing_never_fails(flow: str) -> None:
    """Redis is away; the flow may be configured no longer."""
    from connectors.configured import load_settings
    from tasks.chain import ring

    with structlog.testing.capture_logs() as lines:
        ring(load_settings(), [Due(7, flow, "live", "load", 3, again=False)])
    (line,) = lines
    assert line["log_level"] == "warning"
    assert line["batch"] == 7
