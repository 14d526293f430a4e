"""A delivery is believed only where a secret of the connection has signed it, now; whatever else comes is refused with its reason."""

from __future__ import annotations

import datetime as dates
import json
import time
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import webhooks

from connectors.registry import SYSTEMS, definition
from connectors.rest.webhooks import hints
from connectors.simulation.contract import Contract
from connectors.simulation.webhooks import sign
from gateway.verify import Unsigned, comes_from, verify
from integration import clock
from integration.settings.model import Secret
from tests.fixtures.connections import connection
from tests.fixtures.gateway import OLD_SECRET, SECRET

SENT_AT = 1772460309
NEW, OLD = Secret("secret:webhook-ca", SECRET), Secret("secret:webhook-ca", OLD_SECRET)
BODY = b'{"type":"order.created"}'


def headers(event_id: str = "msg_1", at: int | None = None, secret: str = SECRET, body: bytes = BODY, **changed: str) -> dict[str, str]:
    timestamp = str(int(time.time()) if at is None else at)
    made = {"webhook-id": event_id, "webhook-timestamp": timestamp, "webhook-signature": sign(secret, event_id, timestamp, body)}
    return made | {f"webhook-{name}": value for name, value in changed.items()}


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the library stands where the contracts' deliveries were made."""

    class Frozen(dates.datetime):
        @classmethod
        def now(cls, tz: dates.tzinfo | None = None) -> Frozen:
            return cls.fromtimestamp(SENT_AT, tz)

    monkeypatch.setattr(webhooks, "datetime", Frozen)


DELIVERIES = {
    system: contract for system in SYSTEMS if "x-webhook-delivery" in (contract := Contract(SYSTEMS[system].contract_file).document)
}


@pytest.mark.parametrize("system", DELIVERIES)
def test_the_delivery_of_each_contract_is_believed_and_one_other_bit_is_not(system: str, frozen: None) -> None:
    vector = DELIVERIES[system]["x-webhook-delivery"]["test_vector"]
    secret, body = Secret("env:S", vector["secret"]), vector["body"].encode()
    assert verify(body, vector, [secret]) == vector["webhook-id"]
    hint = hints(definition(connection(system, "https://x.example")).webhooks, json.loads(body))[0]
    assert (hint.entity, hint.key) == {
        "channeladvisor": ("order", "5000123456"),
        "tims": ("stock", "LAMP-001"),
        "clarity": ("product", "LAMP-001"),
    }[system]
    assert hint.changed_at is None
    for place in range(len(body)):
        changed = bytes([*body[:place], body[place] ^ 1, *body[place + 1 :]])
        with pytest.raises(Unsigned, match="no signature fits"):
            verify(changed, vector, [secret])


def test_any_secret_and_any_signature_will_do() -> None:
    good = headers()["webhook-signature"]
    assert verify(BODY, headers(), [OLD, NEW]) == "msg_1"
    assert verify(BODY, headers(secret=OLD_SECRET), [NEW, OLD]) == "msg_1"
    other = sign(OLD_SECRET, "msg_1", "1", b"")
    for entries in (f"{other} {good}", f"v1a,AAAA {good}", f"v1 {good}", f"v1,a,b {good}", f"v1,AAAAA {good}", f"nonsense  {good} v1,"):
        assert verify(BODY, headers(signature=entries), [NEW]) == "msg_1", entries


def test_a_secret_that_is_none_does_not_stand_in_the_way_of_one_that_is() -> None:
    broken = [Secret("env:A", value) for value in ("", "whsec_", "whsec_a", "whsec_é")]
    assert verify(BODY, headers(), [*broken, NEW]) == "msg_1"
    with pytest.raises(Unsigned, match="env:A> is no signing secret") as refusal:
        verify(BODY, headers(), broken)
    assert "whsec" not in str(refusal.value)


@pytest.mark.parametrize(("seconds", "word"), [(-299, ""), (299, ""), (-302, "five minutes"), (302, "five minutes")])
def test_what_is_not_of_now_is_refused_though_its_signature_fits(seconds: int, word: str) -> None:
    told = headers(at=int(time.time()) + seconds)
    if not word:
        assert verify(BODY, told, [NEW]) == "msg_1"
        return
    with pytest.raises(Unsigned, match=word):
        verify(BODY, told, [NEW])


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"id": ""}, "webhook-id"),
        ({"id": "x" * 65}, "webhook-id"),
        ({"id": "a b"}, "webhook-id"),
        ({"id": "a\n"}, "webhook-id"),
        ({"id": "é"}, "webhook-id"),
        ({"timestamp": ""}, "webhook-timestamp"),
        ({"timestamp": "nan"}, "webhook-timestamp"),
        ({"timestamp": "1e9"}, "webhook-timestamp"),
        ({"timestamp": "-1"}, "webhook-timestamp"),
        ({"timestamp": "9" * 400}, "webhook-timestamp"),
        ({"timestamp": "\uff11" * 10}, "webhook-timestamp"),
        ({"signature": ""}, "webhook-signature"),
        ({"signature": "v1"}, "webhook-signature"),
        ({"signature": "v1,"}, "webhook-signature"),
        ({"signature": "v1,a,b"}, "webhook-signature"),
        ({"signature": "v2," + "A" * 43 + "="}, "webhook-signature"),
        ({"signature": "v1," + "A" * 43 + "="}, "no signature fits"),
    ],
)
def test_headers_that_are_none_are_refused_with_their_name(changed: dict[str, str], word: str) -> None:
    with pytest.raises(Unsigned, match=word):
        verify(BODY, headers(**{"signature": headers()["webhook-signature"], **changed}), [NEW])


@given(
    st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text(max_size=80)),
    st.binary(max_size=80),
)
def test_nothing_but_a_refusal_comes_of_what_is_not_signed(told: dict[str, str], body: bytes) -> None:
    with pytest.raises(Unsigned):
        verify(body, {**headers(), "webhook-signature": "v1," + "A" * 43 + "=", **told}, [NEW])


def test_a_body_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(Unsigned, match="UTF-8"):
        verify(b"\xff", headers(body=b"\xff"), [NEW])


def test_networks() -> None:
    inside = [ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")]
    assert all(comes_from(address, []) for address in ("198.51.100.1", None, "unix"))
    assert all(comes_from(address, inside) for address in ("203.0.113.9", "2001:db8::5", "::ffff:203.0.113.9"))
    assert not any(comes_from(address, inside) for address in ("198.51.100.1", "::1", "", None, "testclient", "203.0.113.9:80"))


@pytest.mark.parametrize(
    ("data", "key", "changed"),
    [
        ({"SKU": "LAMP-001", "UpdatedAt": "2026-03-02T14:05:09.12Z"}, "LAMP-001", "2026-03-02T14:05:09.120Z"),
        ({"SKU": 17}, "17", None),
        ({"SKU": True}, None, None),
        ({"SKU": ""}, None, None),
        ({"SKU": "x" * 201}, None, None),
        ({"SKU": "a\x00b"}, None, None),
        ({"SKU": "\ud800"}, None, None),
        ({"SKU": 10**400}, None, None),
        ({"SKU": {"a": 1}, "UpdatedAt": "yesterday"}, None, None),
        ({"SKU": "A", "UpdatedAt": "9999-12-31T23:59:59-23:59"}, "A", None),
        ({"SKU": "A", "UpdatedAt": "2026-03-02T14:05:09"}, "A", None),
        ([], None, None),
        (None, None, None),
    ],
)
def test_of_a_body_only_a_key_and_a_time_are_taken_where_they_are_such(data: object, key: str | None, changed: str | None) -> None:
    declared = definition(connection("tims", "https://x.example")).webhooks
    (hint,) = hints(declared, {"type": "inventory.changed", "data": data})
    assert (hint.event, hint.entity, hint.key) == ("inventory.changed", "stock", key)
    assert (clock.text(hint.changed_at) if hint.changed_at else None) == changed


@pytest.mark.parametrize("body", [None, [], 5, "order.created", {}, {"type": None}, {"type": ["order.created"]}, {"type": "unknown.event"}])
def test_what_is_no_event_of_the_system_is_a_hint_for_nothing(body: object) -> None:
    assert hints(definition(connection("channeladvisor", "https://x.example")).webhooks, body) == []


def test_a_shipment_is_a_hint_for_its_order_too() -> None:
    data = {"ShipmentID": "SH-0000417", "SalesOrderID": "SO-0001234", "UpdatedAt": "2026-03-03T16:21:00Z"}
    found = hints(definition(connection("tims", "https://x.example")).webhooks, {"type": "shipment.created", "data": data})
    assert [(hint.entity, hint.key) for hint in found] == [("shipment", "SH-0000417"), ("order_status", "SO-0001234")]
