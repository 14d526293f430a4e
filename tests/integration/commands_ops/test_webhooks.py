"""`integration webhooks` between the simulators: one subscription of ours, whose secret is here, whatever died on the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands.exits import Exit
from connectors import subscribing
from connectors.configured import load_settings
from connectors.registry import connect
from connectors.rest.client import Call as ApiCall
from connectors.rest.webhooks import Subscriptions
from integration.secrets import SecretsFile
from integration.webhook_secrets import WebhookSecrets
from tests.fixtures.connections import CountingBudget, connection
from tests.fixtures.line import BACK_FLOWS, configure
from tests.fixtures.simulators import Simulators

Call = Callable[..., Any]
OURS = "https://sync.example/hooks/ca"
ORDER_EVENTS = ["order.created", "order.updated", "order.cancelled"]


class Died(BaseException):
    pass


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, sqlite_url: str) -> Path:
    more = BACK_FLOWS + '\n[gateway]\nurl = "https://sync.example"\n'
    configure(monkeypatch, tmp_path, simulators, sqlite_url, more=more)
    return tmp_path


def there(simulators: Simulators) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = simulators.channeladvisor.state()["webhooks"]
    return found


def kept(connection: str = "ca") -> list[str]:
    return [secret.reveal() for secret in load_settings().connections[connection].webhook_secrets]


def dies_in(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, call: Call, *arguments: str) -> None:
    """The command ends there, as if its process had been killed."""

    def die(*_: Any, **__: Any) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, die)
        with pytest.raises((Died, AssertionError)):
            call(*arguments)


def test_register_subscribes_to_what_the_flows_use_and_keeps_the_secret(call: Call, ask: Call, simulators: Simulators) -> None:
    said = call("webhooks", "register", "ca").output
    assert f"ca is subscribed: order.created, order.updated, order.cancelled go to {OURS}" in said
    (one,) = there(simulators)
    assert (one["WebhookUri"], one["EventTypes"], one["Status"]) == (OURS, ORDER_EVENTS, "Enabled")
    (secret,) = kept()
    assert secret.startswith("whsec_")
    assert secret not in said
    assert ask("webhooks", "register", "tims")["events"] == ["shipment.created"], "no flow reads stock"
    assert simulators.tims.state()["webhooks"][0]["Status"] == "Active"


def test_register_again_does_nothing_or_mends_what_is_wrong(call: Call, ask: Call, simulators: Simulators, configured: Path) -> None:
    call("webhooks", "register", "ca")
    (before,) = there(simulators)
    secrets = kept()
    assert "was subscribed already" in call("webhooks", "register", "ca").output
    assert there(simulators) == [before]
    key = before["ID"]
    for wrong in ({"Status": "Disabled"}, {"EventTypes": ["order.created"]}, {"WebhookUri": "https://old.example/hooks/ca"}):
        _put(simulators, key, {**before, **wrong})
        assert ask("webhooks", "register", "ca")["done"] == "is subscribed"
        (after,) = there(simulators)
        assert {name: after[name] for name in ("ID", "WebhookUri", "EventTypes", "Status")} == {
            name: before[name] for name in ("ID", "WebhookUri", "EventTypes", "Status")
        }
    assert kept() == secrets, "the system shows a secret once, so it was changed and not replaced"
    (configured / ".integration" / "secrets.enc").unlink()
    call("webhooks", "register", "ca")
    assert [one["ID"] for one in there(simulators)] != [key], "without its secret it is of no use"
    assert len(kept()) == len(there(simulators)) == 1


def _put(simulators: Simulators, key: int, body: dict[str, Any]) -> None:
    """Change the subscription as the account's owner would, in the system itself."""
    client = connect(connection("channeladvisor", simulators.channeladvisor.url), CountingBudget())._client
    members = {name: body[name] for name in ("Name", "WebhookUri", "EventTypes", "Status")}
    client.call(ApiCall("webhook.update", "PUT", f"{simulators.channeladvisor.url}/v2/webhooks/{key}", members))


@pytest.mark.parametrize(("owner", "name"), [(WebhookSecrets, "write"), (Subscriptions, "change"), (Subscriptions, "unsubscribe")], ids=str)
@pytest.mark.parametrize("command", ["register", "rotate"])
def test_whatever_dies_the_next_register_leaves_one_whose_secret_is_here(
    call: Call, ask: Call, monkeypatch: pytest.MonkeyPatch, simulators: Simulators, owner: type, name: str, command: str
) -> None:
    call("webhooks", "register", "ca")
    first = there(simulators)[0]["ID"]
    if command == "register":
        WebhookSecrets(_file(), "ca").write({})
    dies_in(monkeypatch, owner, name, call, "webhooks", command, "ca")
    enabled = [one for one in there(simulators) if one["Status"] == "Enabled"]
    assert command == "register" or first in [one["ID"] for one in enabled], "the old one works until the new one does"
    ask("webhooks", "register", "ca")
    (one,) = there(simulators)
    assert one["Status"] == "Enabled"
    assert list(WebhookSecrets(_file(), "ca").read()) == [str(one["ID"])]
    assert len(kept()) == 1


def _file() -> SecretsFile:
    settings = load_settings()
    return SecretsFile(settings.home / "secrets.enc", settings.master_key.reveal())


def test_rotate_takes_a_new_secret_and_keeps_both_while_both_deliver(
    call: Call, monkeypatch: pytest.MonkeyPatch, simulators: Simulators
) -> None:
    call("webhooks", "register", "ca")
    (old,), (before,) = kept(), there(simulators)
    seen: list[tuple[int, int]] = []
    end = subscribing._end

    def look(there_: Any, ended: Any) -> None:
        seen.append((len(kept()), sum(one["Status"] == "Enabled" for one in there(simulators))))
        end(there_, ended)

    monkeypatch.setattr(subscribing, "_end", look)
    call("webhooks", "rotate", "ca")
    assert seen == [(2, 2)]
    (new,), (after,) = kept(), there(simulators)
    assert new != old
    assert after["ID"] != before["ID"]
    assert after["Status"] == "Enabled"


def test_list_tells_ours_from_others_and_what_is_wrong(call: Call, ask: Call, simulators: Simulators) -> None:
    assert "No subscriptions" in call("webhooks", "list").output
    call("webhooks", "register", "ca")
    call("webhooks", "register", "tims")
    assert [(row["connection"], row["ours"], row["secret"], row["bad"]) for row in ask("webhooks", "list")] == [
        ("ca", True, True, False),
        ("tims", True, True, False),
    ]
    (one,) = there(simulators)
    _put(simulators, one["ID"], {**one, "Status": "Disabled"})
    (bad,) = [row for row in ask("webhooks", "list", exit_code=Exit.PERSON) if row["bad"]]
    assert bad["state"] == "disabled, nothing comes: integration webhooks register ca"
    WebhookSecrets(_file(), "ca").write({})
    _put(simulators, one["ID"], {**one, "WebhookUri": "https://other.example/x"})
    (other,) = [row for row in ask("webhooks", "list") if row["connection"] == "ca"]
    assert (other["ours"], other["state"]) == (False, "active, not ours")


def test_unregister_ends_ours_alone(call: Call, ask: Call, simulators: Simulators) -> None:
    call("webhooks", "register", "ca")
    (one,) = there(simulators)
    _put(simulators, one["ID"], {**one, "WebhookUri": "https://moved.example/hooks/ca"})
    assert ask("webhooks", "unregister", "ca") == {"connection": "ca", "ended": 1}
    assert there(simulators) == []
    assert kept() == []
    assert "0 subscriptions ended" in call("webhooks", "unregister", "ca").output


def test_check_says_whether_a_connection_is_subscribed(ask: Call, call: Call, simulators: Simulators) -> None:
    def told(exit_code: int = 0) -> dict[str, tuple[bool, str]]:
        found = ask("check", exit_code=exit_code)
        return {row["name"]: (row["ok"], row["sentence"]) for row in found if row["area"] == "webhooks"}

    assert told()["ca"] == (True, "not subscribed: what is new is found by polling; `integration webhooks register ca` subscribes")
    call("webhooks", "register", "ca")
    assert told()["ca"] == (True, "subscribed to order.cancelled, order.created, order.updated")
    (one,) = there(simulators)
    _put(simulators, one["ID"], {**one, "Status": "Disabled"})
    ok, sentence = told(Exit.PERSON)["ca"]
    assert not ok
    assert "disabled" in sentence


def test_what_is_missing_is_said_in_a_sentence(call: Call, configured: Path, simulators: Simulators) -> None:
    file = configured / "integration.toml"
    assert "there is no connection `cb`; known here: ca, tims." in call("webhooks", "register", "cb", exit_code=Exit.MISCONFIGURED).stderr
    assert "https://" in call("webhooks", "register", "ca", "--url", "http://sync.example", exit_code=Exit.MISCONFIGURED).stderr
    whole = file.read_text()
    file.write_text(whole.replace('url = "https://sync.example"', ""))
    assert "give --url" in call("webhooks", "register", "ca", exit_code=Exit.MISCONFIGURED).stderr
    assert "The gateway is part of" in call("webhooks", "register", "ca", "--url", "https://sync.example").output
    file.write_text(whole.replace(BACK_FLOWS, ""))
    assert "no flow reads from tims" in call("webhooks", "register", "tims", exit_code=Exit.FAILED).stderr
    file.write_text(whole + '\n[connections.ca.webhooks]\nsecret = "env:FLOWER_PASSWORD"\n')
    said = call("webhooks", "rotate", "ca", exit_code=Exit.MISCONFIGURED).stderr
    assert "[connections.ca.webhooks]: its `secret` is env:FLOWER_PASSWORD, so that no other can be kept for it" in said
    assert "demo-flower-password" not in said
