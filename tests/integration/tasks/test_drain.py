"""The whole line in one process, without Celery: what is placed is booked once, and what is bad is put aside."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.ledger.open_letters import open_letters
from tests.fixtures.line import FLOW, assert_booked_once, configure, drain, exported, key, let_holds_expire, open_line, order, with_sku
from tests.fixtures.simulators import Simulators


def test_orders_are_booked_once_and_bad_ones_put_aside(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str
) -> None:
    configure(monkeypatch, tmp_path, simulators, database_url)
    good = simulators.channeladvisor.place([order(number) for number in range(12)])
    (bad,) = simulators.channeladvisor.place([with_sku(50, "NO-SUCH-THING")])
    with open_line() as house:
        drain(house)
        assert_booked_once(simulators, good)
        assert exported(simulators) == {key(one) for one in good}
        assert open_letters(house.engine) == []
        let_holds_expire(house)
        (letter,) = open_letters(house.engine)
        assert (letter.flow, letter.source_key) == (FLOW, key(bad))
        assert "NO-SUCH-THING" in letter.reason

        drain(house)
        assert_booked_once(simulators, good)
    assert simulators.tims.stats()["refused"] == {"404": 1}  # the SKU that was asked for
