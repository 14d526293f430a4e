"""`integration init` writes a file that loads, and whose comments tell the true defaults."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from commands.exits import Exit
from commands.init import TEMPLATE
from connectors.configured import load_settings
from integration.settings import Settings
from integration.settings.model import Gateway
from tests.unit.commands.conftest import Call

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def test_the_written_file_loads(folder: Path, call: Call) -> None:
    result = call("init")
    assert result.exit_code == 0
    assert (
        "export CA_APPLICATION_ID, CA_SHARED_SECRET, CA_REFRESH_TOKEN, TIMS_CLIENT_ID, TIMS_CLIENT_SECRET, FLOWER_PASSWORD" in result.stdout
    )
    settings = load_settings(folder / "integration.toml")
    assert set(settings.connections) == {"channeladvisor", "tims"}
    assert settings.flows["orders"].entity == "order"
    assert settings.flower_auth is not None


@pytest.mark.parametrize(
    ("pair", "variables"),
    [
        ("channeladvisor-tims", "CA_SHARED_SECRET, CA_REFRESH_TOKEN, TIMS_CLIENT_ID"),
        ("clarity-sage100", "CLARITY_API_KEY, SAGE100_API_KEY, SAGE100_USER, SAGE100_COMPANY"),
        ("channeladvisor-sage100", "CA_REFRESH_TOKEN, SAGE100_API_KEY"),
        ("clarity-tims", "CLARITY_API_KEY, TIMS_CLIENT_ID"),
    ],
)
def test_a_file_for_each_pair_loads(folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch, pair: str, variables: str) -> None:
    result = call("init", "--pair", pair)
    assert (result.exit_code, variables in result.stdout) == (0, True), result.stdout
    for name in re.findall(r'= "env:(\w+)"', (folder / "integration.toml").read_text(encoding="utf-8")):
        monkeypatch.setenv(name, KEY)
    shop, erp = pair.split("-")
    settings = load_settings(folder / "integration.toml")
    assert {one.system for one in settings.connections.values()} == set(settings.connections) == {shop, erp}
    assert {(flow.source, flow.target) for flow in settings.flows.values()} == {(shop, erp), (erp, shop)}


def test_a_pair_that_nobody_has_made_is_named(call: Call) -> None:
    assert "there is no pair 'clarity-sage'; did you mean `clarity-sage100`?" in call("init", "--pair", "clarity-sage").stderr


def test_every_default_in_a_comment_is_the_true_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTEGRATION_KEY", KEY)
    file = folder / "integration.toml"
    text = TEMPLATE.read_text(encoding="utf-8")

    def loaded(content: str) -> Settings:
        file.write_text(content, encoding="utf-8")
        return load_settings(file)

    commented = re.compile(r"^#(?=[a-z_]+ = |\[)", re.MULTILINE)
    examples = re.compile(
        r"^#(customer_id|folder|distribution_center|requests|networks|proxies|groups|skus|url|urls|division|freight|tax|discount|\[connections).*\n",
        re.MULTILINE,
    )  # they show a form, not a default
    assert len(commented.findall(text)) >= 17
    assert loaded(commented.sub("", examples.sub("", text))) == loaded(text)
    (folder / "my-mappings").mkdir()
    whole = loaded(commented.sub("", re.sub(r"^#urls.*\n", "", text, flags=re.MULTILINE)))  # a secret that is not there
    assert whole.gateway.url == "https://sync.example"
    assert whole.connections["channeladvisor"].overrides == {"limits": {"requests": 2000}}
    assert whole.flows["orders"].guests.customer_id == "C-000001"
    assert replace(whole, connections={}, flows={}, mappings_folder=None, gateway=Gateway()) == replace(
        loaded(text), connections={}, flows={}
    )


def test_every_setting_is_shown(folder: Path) -> None:
    from integration.settings.model import Alerts, Buffer, Flow, Gateway, Guests, HoldTimes, Retention

    text = TEMPLATE.read_text(encoding="utf-8")
    models = (Flow, Guests, HoldTimes, Buffer, Gateway, Alerts, Retention)
    for name in (name for model in models for name in model.__slots__):
        assert name in {"name", "guests", "holds", "conflicts", "buffer", "charges"} or re.search(
            rf"^(# ?)?{name} = ", text, re.MULTILINE
        ), name


def test_never_overwrites_by_itself(folder: Path, call: Call) -> None:
    (folder / "integration.toml").write_text("mine", encoding="utf-8")
    refused = call("init")
    assert refused.exit_code == Exit.MISCONFIGURED
    assert "nothing was changed. Use --force" in refused.stderr
    assert (folder / "integration.toml").read_text(encoding="utf-8") == "mine"
    assert call("init", "--force").exit_code == 0
    assert (folder / "integration.toml").read_text(encoding="utf-8") == TEMPLATE.read_text(encoding="utf-8")


def test_a_folder_that_is_not_there_is_one_sentence(call: Call) -> None:
    result = call("init", "--path", "none/x.toml")
    assert result.exit_code == Exit.MISCONFIGURED
    assert result.stderr == "Error: none/x.toml: the file cannot be written (No such file or directory); name another with --path.\n"
