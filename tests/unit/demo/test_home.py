"""The demo's home folder: a configuration that needs nothing of the caller's, and nothing left behind."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from commands.demo import home
from commands.demo.pairs import ERPS, SHOPS, Pair
from connectors.configured import load_settings
from connectors.simulation.registry import SIMULATORS

PAIRS = [Pair(shop, erp) for shop in SHOPS.values() for erp in ERPS.values()]


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair.shop.system}-{pair.erp.system}")
def pair(request: pytest.FixtureRequest) -> Pair:
    found: Pair = request.param
    return found


def test_it_is_configured_without_a_single_variable(tmp_path: Path, pair: Pair) -> None:
    made = home.furnish(tmp_path, pair)
    settings = load_settings(made.configuration)
    assert settings.home == tmp_path
    assert {name: one.url for name, one in settings.connections.items()} == {side.system: made.url(side.system) for side in pair.sides}
    revealed = {name: {key: secret.reveal() for key, secret in one.credentials.items()} for name, one in settings.connections.items()}
    assert revealed == {side.system: side.credentials for side in pair.sides}
    assert {(one.source, one.target) for one in settings.flows.values() if one.entity == "order"} == {(pair.shop.system, pair.erp.system)}
    assert settings.flower_auth is None
    assert len({settings.flower_port, settings.metrics_port, *made.ports.values()}) == 4


def test_no_secret_stands_in_the_configuration(tmp_path: Path, pair: Pair) -> None:
    text = home.furnish(tmp_path, pair).configuration.read_text()
    assert not [value for side in pair.sides for value in side.credentials.values() if f'"{value}"' in text]
    assert stat.S_IMODE((tmp_path / "secrets.enc").stat().st_mode) == 0o600


def test_what_an_earlier_demo_left_goes(tmp_path: Path) -> None:
    (tmp_path / "valkey").mkdir()
    (tmp_path / "valkey" / "port").write_text("1")
    (tmp_path / "ledger.db").write_text("old")
    (tmp_path / "supervisor.lock").touch()
    home.furnish(tmp_path, PAIRS[0])
    assert {entry.name for entry in tmp_path.iterdir()} == {"supervisor.lock", "integration.toml", "key", "secrets.enc"}


def test_removing_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "supervisor.lock").touch()
    home.furnish(folder, PAIRS[0])
    home.remove(folder)
    assert not list(tmp_path.iterdir())


def test_there_is_a_simulator_for_each_system(tmp_path: Path, pair: Pair) -> None:
    made = home.furnish(tmp_path, pair)
    assert [child.name for child in made.simulators()] == list(made.ports)
    assert set(made.ports) <= set(SIMULATORS)
