"""What integration.toml may say, and the sentence for whatever it may not."""

from __future__ import annotations

import base64
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.errors import Misconfigured
from integration.secrets import SecretsFile
from integration.settings import InvalidSettings, Settings, SystemFacts, inspect, load

SYSTEMS = {
    "shop": SystemFacts({"token": "from the shop's developer page"}),
    "erp": SystemFacts({"user": "the API user", "password": "its password"}),
}
KEY = base64.b64encode(bytes(range(32))).decode()
ENVIRON = {"SHOP_TOKEN": "shop-token", "ERP_USER": "erp-user", "ERP_PASSWORD": "erp-password", "INTEGRATION_KEY": KEY}
GOOD = """\
[connections.web]
system = "shop"
url = "https://shop.example/"
credentials.token = "env:SHOP_TOKEN"

[connections.books]
system = "erp"
url = "env:ERP_URL"
verify_tls = false
[connections.books.credentials]
user = "env:ERP_USER"
password = "env:ERP_PASSWORD"
[connections.books.overrides]
base = "/api/v2"

[flows.orders]
entity = "order"
source = "web"
target = "books"
every = "500ms"
overlap = "1h"
look_back_every = 90
batches_in_flight = 3
max_attempts = 5
rules = ["a", "b"]
[flows.orders.guests]
rule = "each"
email = "g@guests.example"

[storage]
home = "state"

[flower]
port = 5556
user = "boss"
password = "env:SHOP_TOKEN"

[metrics]
port = 9000
"""
GOOD_ENVIRON = {**ENVIRON, "ERP_URL": "http://127.0.0.1:8080"}


def load_text(folder: Path, text: str, environ: Mapping[str, str] = ENVIRON) -> Settings:
    file = folder / "integration.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, environ, SYSTEMS)


def problems_of(folder: Path, text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
    with pytest.raises(InvalidSettings) as caught:
        load_text(folder, text, environ)
    return str(caught.value).replace(f"{folder}/", "").split("\n")


def test_reads_a_whole_file(tmp_path: Path) -> None:
    found = load_text(tmp_path, GOOD, GOOD_ENVIRON)
    web, books = found.connections["web"], found.connections["books"]
    assert (web.system, web.url, web.verify_tls) == ("shop", "https://shop.example", True)
    assert web.credentials["token"].reveal() == "shop-token"
    assert (books.url, books.verify_tls, books.overrides) == ("http://127.0.0.1:8080", False, {"base": "/api/v2"})
    flow = found.flows["orders"]
    assert (flow.every, flow.overlap, flow.look_back_every) == (0.5, 3600.0, 90.0)
    assert (flow.batches_in_flight, flow.max_attempts, flow.rules) == (3, 5, ("a", "b"))
    assert (flow.guests.rule, flow.guests.email, flow.guests.name) == ("each", "g@guests.example", "Marketplace guest")
    assert found.home == tmp_path / "state"
    assert found.flower_auth is not None
    assert found.flower_auth.reveal() == "boss:shop-token"
    assert (found.flower_port, found.metrics_port) == (5556, 9000)


def test_an_empty_file_has_defaults(tmp_path: Path) -> None:
    found = load_text(tmp_path, "", {})
    assert (found.connections, found.flows, found.redis_url, found.flower_auth) == ({}, {}, None, None)
    assert found.home == tmp_path / ".integration"
    assert found.database_url == f"sqlite:///{tmp_path}/.integration/ledger.db"


def test_never_shows_a_secret(tmp_path: Path) -> None:
    environ = {**GOOD_ENVIRON, "DATABASE_URL": "postgresql://u:db-password@db/x", "REDIS_URL": "redis://:redis-password@r/0"}
    shown = repr(load_text(tmp_path, GOOD, environ))
    for secret in ("shop-token", "erp-password", "db-password", "redis-password", KEY):
        assert secret not in shown


FAULTS = [
    ("a = ", "integration.toml:1: this is not TOML: Invalid value; mend this line."),
    ("[storage]\n[storage]", "integration.toml:2: this is not TOML: Cannot declare ('storage',) twice; mend this line."),
    ("[storag]", "integration.toml:1: unknown table `storag` in the file; did you mean `storage`?"),
    ("storage = 1", "integration.toml:1: `storage` must be a table, not a number."),
    ("\n[storage]\nhme = 'x'", "integration.toml:3: unknown key `hme` in [storage]; did you mean `home`?"),
    ("[storage]\nhome = 5", "integration.toml:2: `home` must be text in quotes, not a number."),
    ("[storage]\nhome = '~/x'", "integration.toml:2: `home` must be written out; ~ is not read here."),
    ("[flower]\nport = '5'", "integration.toml:2: `port` must be a whole number, not text."),
    ("[flower]\nport = 70000", "integration.toml:2: `port` must be between 1 and 65535."),
    ("[flower]\nport = 9808", "`port` 9808 is that of [flower] already; choose another."),
    ("[flower]\nuser = 'a:b'", "integration.toml:2: `user` must not hold a colon; basic auth ends the user there."),
    ("[mappings]\nfolder = 'none'", "which is not there; make it, or take the key out."),
    ("[encryption]\nkey = 'env:NONE'", "integration.toml:2: `key` refers to the environment variable NONE, which is not set; export it"),
    ("[encryption]\nkey = 'env:SHOP_TOKEN'", "integration.toml:2: `key` must be 32 random bytes in base64; make one with"),
    ("[encryption]\nkey = 'file:none'", "integration.toml:2: `key` refers to the file"),
    ("[encryption]\nkey = 'topsecret'", "integration.toml:2: `key` takes the key only by reference"),
    ("[connections]\nweb = 1", "integration.toml:2: `web` must be a table, not a number."),
    ("[connections.Web_1]\nsystem='shop'", "integration.toml:1: the name `Web_1` must be lowercase letters, digits and single hyphens"),
    ("[connections.web]\nsystem='shpo'", "integration.toml:2: `system` names the unknown system `shpo`; did you mean `shop`?"),
    ("[connections.web]\nsystem='shop'", "integration.toml:1: [connections.web] needs `url`: the address of its API"),
    (
        "[connections.web]\nsystem='shop'",
        "integration.toml:1: [connections.web.credentials] needs `token`: from the shop's developer page; add it.",
    ),
    (
        "[connections.web]\nsystem='shop'\ncredentials = {token='hunter2'}",
        'integration.toml:3: `token` takes secrets only by reference: "env:NAME" or',
    ),
    (
        "[connections.web]\nsystem='shop'\n[connections.web.credentials]\ntokn='env:A'",
        "integration.toml:4: unknown key `tokn` in [connections.web.credentials]; did you mean `token`?",
    ),
    (
        "[connections.web]\nsystem='shop'\ncredentials.token='env:NONE'",
        "integration.toml:3: `token`: the environment variable NONE is not set; export it before the start.",
    ),
    (
        "[connections.web]\nsystem='shop'\ncredentials.token='secret:none'",
        "integration.toml:3: `token`: the secret none is not set; run `integration secrets set none`.",
    ),
    (
        "[connections.web]\nurl='https://x.example'\nverify_tls=false",
        "integration.toml:3: `verify_tls` may be false for this machine alone",
    ),
    ("[connections.web]\nverify_tls='no'", "integration.toml:2: `verify_tls` must be true or false, not text."),
    ("[connections.web]\noverrides=1", "integration.toml:2: `overrides` must be a table, not a number."),
    ("[flows.orders]\nentity='ordr'", "integration.toml:2: `entity` names the unknown entity `ordr`; did you mean `order`?"),
    (
        "[connections.web]\n[flows.orders]\nsource='wbe'",
        "integration.toml:3: `source` names the unknown connection `wbe`; did you mean `web`?",
    ),
    (
        "[connections.web]\n[flows.orders]\nsource='web'\ntarget='web'",
        "integration.toml:4: `target` is the connection that is read; name another.",
    ),
    (
        "[flows.orders]\nevery='5 minutes'",
        'integration.toml:2: `every` must be a time such as "5s", "16m" or "1h", or a number of seconds.',
    ),
    ("[flows.orders]\nevery=0", "integration.toml:2: `every` must be a time between 0.5 seconds and 366 days."),
    ("[flows.orders]\nevery=nan", "integration.toml:2: `every` must be a time between 0.5 seconds and 366 days."),
    ("[flows.orders]\nevery=true", "integration.toml:2: `every` must be a time such as"),
    ("[flows.orders]\nmax_attempts=1.5", "integration.toml:2: `max_attempts` must be a whole number, not a number."),
    ("[flows.orders]\nrules=['a','a']", "integration.toml:2: `rules` names `a` twice; keep one."),
    ("[flows.orders]\nrules=[1]", "integration.toml:2: `rules` must be text in quotes, not a number."),
    ("[flows.orders.guests]\nrule='all'", "integration.toml:2: `rule` names the unknown rule `all`; known here: each, refuse, shared."),
    ("[flows.orders.guests]\nrule='refuse'\ncustomer_id='C-1'", 'integration.toml:3: `customer_id` goes with rule = "shared" alone'),
    ("[flows.orders.guests]\nemail='x'", "integration.toml:2: `email` must be an e-mail address"),
    (
        f"[storage]\nhome = '{'x' * 300}'",
        "integration.toml:2: `home` names a folder that cannot be used (File name too long); name another.",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), FAULTS)
def test_refuses_with_line_and_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "integration.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured) as caught:
        load(file, ENVIRON, SYSTEMS)
    assert sentence in str(caught.value).replace(f"{tmp_path}/", "")
    assert "hunter2" not in str(caught.value)
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example",
        "ftp://127.0.0.1",
        "shop.example",
        "https://",
        "https://user:hunter2@shop.example",
        "https://shop.example/?token=hunter2",
        "https://shop.example:port",
        "https://shop.example:99999",
        "http://127.0.0.1@shop.example",
        "http://localhost.shop.example",
        "http://[::1",
        "https://shop.example /v2",
    ],
)
def test_refuses_an_address(tmp_path: Path, url: str) -> None:
    problems = problems_of(tmp_path, f'[connections.web]\nsystem = "shop"\nurl = "{url}"\ncredentials.token = "env:SHOP_TOKEN"\n')
    assert len(problems) == 1
    assert problems[0].startswith("integration.toml:3: `url` ")
    assert "hunter2" not in problems[0]


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.9.9.9", "http://[::1]:80/x", "https://shop.example:8443/v2/"])
def test_takes_an_address(tmp_path: Path, url: str) -> None:
    found = load_text(tmp_path, f'[connections.web]\nsystem = "shop"\nurl = "{url}"\ncredentials.token = "env:SHOP_TOKEN"\n')
    assert found.connections["web"].url == url.rstrip("/")


def test_an_address_from_the_environment_is_checked_as_well(tmp_path: Path) -> None:
    text = '[connections.web]\nsystem = "shop"\nurl = "env:SHOP_URL"\ncredentials.token = "env:SHOP_TOKEN"\n'
    assert problems_of(tmp_path, text, {**ENVIRON, "SHOP_URL": "http://shop.example"})[0].startswith(
        "integration.toml:3: `url` comes from the environment variable SHOP_URL, which must begin with https://"
    )
    assert problems_of(tmp_path, text) == [
        "integration.toml:3: `url`: the environment variable SHOP_URL is not set; export it before the start."
    ]


def test_tells_all_problems_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("500ms", "often").replace('"shop"', '"shpo"').replace("5556", "0").replace('"env:ERP_USER"', '"env:NONE"')
    problems = problems_of(tmp_path, text, {**GOOD_ENVIRON, "REDIS_URL": "http://x"})
    assert [problem.partition(": ")[0] for problem in problems] == [
        "REDIS_URL",
        "integration.toml:2",
        "integration.toml:11",
        "integration.toml:20",
        "integration.toml:34",
    ]


def test_two_flows_must_not_move_the_same(tmp_path: Path) -> None:
    twin = '\n[flows.again]\nentity = "order"\nsource = "web"\ntarget = "books"\n'
    assert problems_of(tmp_path, GOOD + twin, GOOD_ENVIRON) == [
        "integration.toml:41: the flow `again` moves the same as `orders`; take one of them out."
    ]


def test_absent_values_can_be_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "integration.toml"
    file.write_text(GOOD, encoding="utf-8")
    found, absent = inspect(file, {**ENVIRON, "SHOP_TOKEN": ""}, SYSTEMS)
    assert [problem.line for problem in absent] == [4, 8, 36]
    assert found.connections["web"].credentials == {}
    assert found.connections["books"].url == ""
    assert found.flows["orders"].source == "web"


def test_finds_the_file_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text('[storage]\nhome = "x"\n', encoding="utf-8")
    assert load(None, {"INTEGRATION_CONFIG": str(tmp_path / "other.toml"), "INTEGRATION_KEY": KEY}, SYSTEMS).home == tmp_path / "x"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Misconfigured, match=r"^integration\.toml: there is no configuration here; run `integration init`"):
        load(None, {}, SYSTEMS)


@pytest.mark.parametrize(
    ("given_url", "expected"),
    [
        ("postgresql://u:p@h:5432/x?sslmode=require", "postgresql+psycopg://u:p@h:5432/x?sslmode=require"),
        ("postgres://h/x", "postgresql+psycopg://h/x"),
        ("postgresql+psycopg://h/x", "postgresql+psycopg://h/x"),
        ("sqlite:////var/x.db", "sqlite:////var/x.db"),
    ],
)
def test_database_urls(tmp_path: Path, given_url: str, expected: str) -> None:
    assert load_text(tmp_path, "", {**ENVIRON, "DATABASE_URL": given_url}).database_url == expected


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://h/x"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:port/x"),
        ("DATABASE_URL", "postgresql://h"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "x"),
        ("REDIS_URL", "amqp://h"),
        ("REDIS_URL", "redis://:hunter2@h:port"),
        ("REDIS_URL", "rediss://h/0?ssl_cert_reqs=none"),
    ],
)
def test_refuses_urls_of_the_environment_by_the_name_of_the_variable(tmp_path: Path, variable: str, value: str) -> None:
    problems = problems_of(tmp_path, "", {**ENVIRON, variable: value})
    assert len(problems) == 1
    assert problems[0].startswith(f"{variable}: ")
    assert "hunter2" not in problems[0]


def test_makes_a_private_key_once(tmp_path: Path) -> None:
    first = load_text(tmp_path, "", {}).master_key
    file = tmp_path / ".integration" / "key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(base64.b64decode(first.reveal())) == 32
    assert load_text(tmp_path, "", {}).master_key == first


def test_a_faulty_file_makes_no_key(tmp_path: Path) -> None:
    problems_of(tmp_path, "[storag]", {})
    assert not (tmp_path / ".integration").exists()


def test_refuses_a_key_that_others_can_read(tmp_path: Path) -> None:
    load_text(tmp_path, "", {})
    (tmp_path / ".integration" / "key").chmod(0o644)
    assert "is readable by others than its owner; run `chmod 600" in problems_of(tmp_path, "", {})[0]


@pytest.mark.parametrize("sealed", ["ledger.db", "secrets.enc"])
def test_makes_no_second_key_beside_what_was_sealed_with_another(tmp_path: Path, sealed: str) -> None:
    (tmp_path / ".integration").mkdir()
    (tmp_path / ".integration" / sealed).touch()
    assert f"is missing, but {sealed} is sealed with one" in problems_of(tmp_path, "", {})[0]
    assert not (tmp_path / ".integration" / "key").exists()


def test_reads_a_key_by_reference(tmp_path: Path) -> None:
    (tmp_path / "master").write_text(KEY + "\n", encoding="ascii")
    assert load_text(tmp_path, "[encryption]\nkey = 'file:master'", {}).master_key.reveal() == KEY
    assert load_text(tmp_path, "[encryption]\nkey = 'env:MY_KEY'", {"MY_KEY": KEY}).master_key.reference == "env:MY_KEY"


SECRET = '[connections.web]\nsystem = "shop"\nurl = "https://x.example"\ncredentials.token = "secret:shop"\n'


def test_reads_credentials_from_the_secrets_file(tmp_path: Path) -> None:
    SecretsFile(tmp_path / ".integration" / "secrets.enc", KEY).write({"shop": "sealed-token"})
    token = load_text(tmp_path, SECRET).connections["web"].credentials["token"]
    assert (token.reference, token.reveal()) == ("secret:shop", "sealed-token")


def test_a_wrong_key_for_the_secrets_file_is_one_sentence(tmp_path: Path) -> None:
    SecretsFile(tmp_path / ".integration" / "secrets.enc", KEY).write({"shop": "sealed-token"})
    other = base64.b64encode(bytes(32)).decode()
    problems = problems_of(tmp_path, SECRET, {"INTEGRATION_KEY": other})
    assert len(problems) == 1
    assert "the secrets file does not open with this master key" in problems[0]


TOML_VALUES = st.recursive(
    st.one_of(
        st.booleans(), st.integers(), st.floats(), st.text(max_size=40), st.dates(), st.sampled_from(["env:SHOP_TOKEN", "shop", "order"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
PLACES = st.sampled_from(
    [
        ("connections", "web", "system"),
        ("connections", "web", "url"),
        ("connections", "web", "verify_tls"),
        ("connections", "web", "credentials"),
        ("connections", "web", "credentials", "token"),
        ("connections", "web", "overrides"),
        ("connections",),
        ("flows", "orders", "entity"),
        ("flows", "orders", "every"),
        ("flows", "orders", "rules"),
        ("flows", "orders", "guests"),
        ("flows", "orders", "guests", "email"),
        ("flows", "orders", "max_attempts"),
        ("storage", "home"),
        ("encryption", "key"),
        ("flower", "password"),
        ("mappings", "folder"),
        ("anything",),
    ]
)
QUIETLY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@QUIETLY
@given(place=PLACES, value=TOML_VALUES)
def test_no_value_gives_anything_but_a_sentence(tmp_path: Path, place: tuple[str, ...], value: object) -> None:
    document = tomlkit.parse(GOOD).unwrap()
    table = document
    for key in place[:-1]:
        table = table.setdefault(key, {})
    table[place[-1]] = value
    try:
        text = tomlkit.dumps(document)
    except (ValueError, UnicodeEncodeError):
        return
    refused_or_loaded(tmp_path, text.encode("utf-8", errors="surrogateescape"))


@QUIETLY
@given(st.one_of(st.binary(max_size=60), st.text(alphabet="[]{}=.,\"'#\n ab1\\\t\r", max_size=60).map(str.encode)))
def test_no_text_gives_anything_but_a_sentence(tmp_path: Path, content: bytes) -> None:
    refused_or_loaded(tmp_path, content)


@pytest.mark.parametrize("content", ["x=" + "[" * 5000, "x=" + "9" * 5000, "[" + "a." * 3000 + "a]", "x=" + "{a=" * 400 + "1" + "}" * 400])
def test_no_depth_or_length_gives_anything_but_a_sentence(tmp_path: Path, content: str) -> None:
    refused_or_loaded(tmp_path, content.encode())


def refused_or_loaded(folder: Path, content: bytes) -> None:
    file = folder / "integration.toml"
    file.write_bytes(content)
    sentences = []
    try:
        load(file, GOOD_ENVIRON, SYSTEMS)
    except Misconfigured as refusal:
        sentences = str(refusal).split("\n")
    assert all(sentence.startswith(str(file)) for sentence in sentences)
