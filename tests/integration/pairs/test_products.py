"""Items and prices of the ERP become products of the shop: each change once, promotions by the clock alone, the shop's edits by policy."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from click.testing import CliRunner
from freezegun import freeze_time

from commands.cli import cli
from integration.ledger.crosswalk import look_up
from integration.ledger.database import read, write
from integration.ledger.hints import keep
from integration.line.hints import take
from integration.line.journey import House
from tests.fixtures.line import drain
from tests.fixtures.pairs import InSage, InTims, OnChannelAdvisor, OnClarity
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Clarity, Sage100, Simulators
from tests.integration.line.conftest import letters, states
from tests.integration.pairs.conftest import Configured

PRODUCTS = """
[flows.products]
entity = "product"
source = "erp"
target = "shop"
overlap = "10m"
{more}
"""
SKU = "LAMP-001"
ZONE = ZoneInfo("America/Chicago")
Opened = Callable[..., House]


@pytest.fixture
def opened(configured: Configured, clarity_simulator: Clarity, sage100_simulator: Sage100) -> Opened:
    """A house whose catalogue is in step."""

    def open_(more: str = "") -> House:
        house = configured({"shop": OnClarity(clarity_simulator), "erp": InSage(sage100_simulator)}, PRODUCTS.format(more=more))
        drain(house, "products")
        a_moment_later(sage100_simulator)
        return house

    return open_


def a_moment_later(sage: Sage100) -> None:
    """Two changes within a second look alike to who reads Sage 100 in that second."""
    now = datetime.fromisoformat(sage.world("clock")["now"])
    sage.world("clock", now=(now + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ"))


def product(clarity: Clarity, sku: str = SKU) -> dict[str, Any]:
    return next(dict(one) for one in clarity.state()["products"] if one["sku"] == sku)


def skus(clarity: Clarity) -> list[str]:
    return [one["sku"] for one in clarity.state()["products"]]


def writes(clarity: Clarity) -> tuple[int, int]:
    counts = clarity.stats()["requests"]
    return counts.get("createProduct", 0), counts.get("updateProduct", 0)


def clean(clarity: Clarity, sage: Sage100) -> None:
    for one in (clarity, sage):
        assert one.stats()["contract_errors"] == []
        assert not {"400", "401", "403", "422", "423", "429"} & one.stats()["refused"].keys(), one.stats()["refused"]


def test_the_first_read_brings_the_whole_catalogue(opened: Opened, clarity_simulator: Clarity, sage100_simulator: Sage100) -> None:
    before = {one["sku"]: one["name"] for one in clarity_simulator.state()["products"]}
    house = opened()
    assert letters(house) == []
    items = {one["ItemCode"]: one for one in sage100_simulator.state()["items"]}
    for sku, name in before.items():
        assert product(clarity_simulator, sku)["price"] == items[sku]["StandardUnitPrice"]
        assert product(clarity_simulator, sku)["cost"] == items[sku]["StandardUnitCost"]
        assert product(clarity_simulator, sku)["name"] == name, "what staff has written before stays"
    assert skus(clarity_simulator) == list(before), "neither charges nor what is not sold any more"
    skipped = {key for key, state in states(house, "products") if state == "skipped"}
    assert skipped == items.keys() - before.keys()
    clean(clarity_simulator, sage100_simulator)


def test_a_new_price_is_seen_once_and_costs_one_write(opened: Opened, clarity_simulator: Clarity, sage100_simulator: Sage100) -> None:
    house = opened()
    before = writes(clarity_simulator)
    sage100_simulator.items({"ItemCode": SKU, "StandardUnitPrice": 27.995})
    for _ in range(3):
        drain(house, "products")
    assert product(clarity_simulator)["price"] == 28
    assert writes(clarity_simulator) == (before[0], before[1] + 1)
    a_moment_later(sage100_simulator)
    sage100_simulator.items({"ItemCode": SKU, "DefaultWarehouseCode": "001"})
    requests = clarity_simulator.stats()["requests"]
    drain(house, "products")
    assert clarity_simulator.stats()["requests"] == requests, "what the shop does not hold costs no request"
    assert letters(house) == []
    clean(clarity_simulator, sage100_simulator)


def test_a_new_item_is_a_new_product_and_a_retired_one_is_archived(
    opened: Opened, clarity_simulator: Clarity, sage100_simulator: Sage100
) -> None:
    house = opened()
    new = {"ItemCode": "SOFA/7 B", "ItemCodeDesc": "Sofa", "StandardUnitPrice": 899.5, "CommentText": "Three seats.", "ShipWeight": "120.5"}
    sage100_simulator.items(new, {"ItemCode": SKU, "InactiveItem": "Y"}, {"ItemCode": "/GIFT", "ItemType": "3", "ItemCodeDesc": "Gift"})
    drain(house, "products")
    made = product(clarity_simulator, "SOFA/7 B")
    assert (made["name"], made["price"], made["description"], made["weight"]) == ("Sofa", 899.5, "Three seats.", 120.5)
    assert (made["status"], made["currency"]) == ("Active", "USD")
    assert product(clarity_simulator)["status"] == "Archived"
    assert "/GIFT" not in skus(clarity_simulator)
    a_moment_later(sage100_simulator)
    sage100_simulator.items({"ItemCode": SKU, "InactiveItem": "N"})
    drain(house, "products")
    assert product(clarity_simulator)["status"] == "Active"
    assert letters(house) == []
    clean(clarity_simulator, sage100_simulator)


def _day(moment: datetime, later: int = 0) -> str:
    return (moment + timedelta(days=later)).strftime("%Y%m%d")


def test_a_promotion_begins_and_ends_by_the_clock_alone(opened: Opened, clarity_simulator: Clarity, sage100_simulator: Sage100) -> None:
    house = opened()
    here = datetime.now(ZONE)
    usual = product(clarity_simulator)["price"]
    days = {"SaleStartingDate": _day(here, 2), "SaleEndingDate": _day(here, 3)}
    sage100_simulator.items({"ItemCode": SKU, "SalesPromotionPrice": 9.99, **days})
    drain(house, "products")
    before = writes(clarity_simulator)
    stamp = next((one["DateUpdated"], one["TimeUpdated"]) for one in sage100_simulator.state()["items"] if one["ItemCode"] == SKU)
    midnight, minute = here.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None), timedelta(minutes=1)
    begins, ends = midnight + timedelta(days=2), midnight + timedelta(days=4)
    shown = []
    for local in (begins - minute, begins + minute, ends - minute, ends + minute):
        moment = local.replace(tzinfo=ZONE).astimezone(UTC)
        sage100_simulator.world("clock", now=moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
        with freeze_time(moment, tick=True):
            drain(house, "products")
            drain(house, "products")
        shown.append(product(clarity_simulator)["price"])
    assert shown == [usual, 9.99, 9.99, usual]
    assert writes(clarity_simulator) == (before[0], before[1] + 2), "each turn is written once"
    assert next((one["DateUpdated"], one["TimeUpdated"]) for one in sage100_simulator.state()["items"] if one["ItemCode"] == SKU) == stamp
    assert letters(house) == []


EDITS = {
    "source": ("", 31.5, 0),
    "target": ('[flows.products.conflicts]\nprice = "target"\n', 20, 0),
    "person": ('[flows.products.conflicts]\nprice = "person"\n', 20, 1),
}


@pytest.mark.parametrize("winner", EDITS)
def test_a_price_that_staff_has_changed_goes_by_the_policy(
    opened: Opened, clarity_simulator: Clarity, sage100_simulator: Sage100, winner: str
) -> None:
    policy, there, asked = EDITS[winner]
    house = opened(policy)
    clarity_simulator.products({"sku": SKU, "price": 20})
    sage100_simulator.items({"ItemCode": SKU, "StandardUnitCost": 8})
    sage100_simulator.items({"ItemCode": SKU, "StandardUnitPrice": 31.5})
    drain(house, "products")
    assert product(clarity_simulator)["price"] == there
    assert [letter.kind for letter in letters(house)] == ["conflict"] * asked


def test_a_price_that_staff_has_changed_stays_as_long_as_ours_does(
    opened: Opened, clarity_simulator: Clarity, sage100_simulator: Sage100
) -> None:
    house = opened()
    clarity_simulator.products({"sku": SKU, "price": 20, "name": "Lamp of the week"})
    drain(house, "products")
    sage100_simulator.items({"ItemCode": SKU, "ShipWeight": "2.25"})
    drain(house, "products")
    found = product(clarity_simulator)
    assert (found["price"], found["name"], found["weight"]) == (20, "Lamp of the week", 2.25)
    assert letters(house) == []


@pytest.mark.parametrize("winner", ["source", "target", "person"])
def test_a_shop_that_still_shows_what_was_before_our_write_is_no_edit_of_its_staff(
    opened: Opened, clarity_simulator: Clarity, sage100_simulator: Sage100, winner: str
) -> None:
    house = opened(f'[flows.products.conflicts]\nprice = "{winner}"\n')
    clarity_simulator.faults({"webhook-before-read": {"delay": 1.5}})
    before = writes(clarity_simulator)
    new = {"ItemCode": "NEW-1", "ItemCodeDesc": "New", "StandardUnitPrice": 5}
    for price in (32, 33):
        a_moment_later(sage100_simulator)
        changes = {"ItemCodeDesc": f"Lamp of {price}", "StandardUnitPrice": price}
        sage100_simulator.items({"ItemCode": SKU, "StandardUnitPrice": price}, {**new, **changes})
        drain(house, "products")
    assert [product(clarity_simulator, sku)["price"] for sku in (SKU, "NEW-1")] == [33, 33]
    assert product(clarity_simulator, "NEW-1")["name"] == "Lamp of 33"
    assert writes(clarity_simulator) == (before[0] + 1, before[1] + 3)
    assert letters(house) == []
    clean(clarity_simulator, sage100_simulator)


def test_a_product_whose_answer_was_lost_is_made_once(opened: Opened, clarity_simulator: Clarity, sage100_simulator: Sage100) -> None:
    house = opened()
    before = writes(clarity_simulator)
    clarity_simulator.faults({"drop-after-commit": {"times": 1, "operations": ["createProduct"]}})
    sage100_simulator.items({"ItemCode": "NEW-1", "ItemCodeDesc": "New", "StandardUnitPrice": 5})
    drain(house, "products")
    assert skus(clarity_simulator).count("NEW-1") == 1
    assert writes(clarity_simulator) == (before[0] + 1, before[1])
    assert letters(house) == []


def test_a_worker_killed_between_intent_and_outcome_leaves_one_product(
    opened: Opened, clarity_simulator: Clarity, sage100_simulator: Sage100, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = opened()
    sage100_simulator.items({"ItemCode": "NEW-1", "ItemCodeDesc": "New", "StandardUnitPrice": 5})

    class Killed(BaseException):
        """The process is gone: nothing after it is written."""

    target = house.journey("products").target
    create = target.create

    def dies(entity: str, body: dict[str, Any]) -> Any:
        create(entity, body)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(target, "create", dies)
        with pytest.raises(Killed):
            drain(house, "products")
    with read(house.engine) as connection:
        (row,) = look_up(connection, "erp", "shop", "product", ["NEW-1"]).values()
    assert (row.intent, row.target_key) == ("create", None)
    with freeze_time(datetime.now(UTC) + timedelta(minutes=5), tick=True):
        a_moment_later(sage100_simulator)
        drain(house, "products")
    assert skus(clarity_simulator).count("NEW-1") == 1
    with read(house.engine) as connection:
        (row,) = look_up(connection, "erp", "shop", "product", ["NEW-1"]).values()
    assert (row.intent, row.target_key) == (None, "NEW-1")
    assert letters(house) == []


def told(*arguments: str) -> Any:
    result = CliRunner().invoke(cli, [*arguments, "--json"], prog_name="integration")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_person_reads_the_story_of_a_product_and_how_the_flow_stands(
    opened: Opened, clarity_simulator: Clarity, sage100_simulator: Sage100
) -> None:
    house = opened()
    sage100_simulator.items({"ItemCode": SKU, "StandardUnitPrice": 31.5})
    drain(house, "products")
    (story,) = told("trace", SKU)
    assert (story["flow"], story["target_key"], story["state"]) == ("products", SKU, "done")
    assert [event["what"] for event in story["events"]].count("updated") == 1 + (story["events"][3]["what"] == "updated")
    assert "products" in json.dumps(told("status"))


def test_what_the_shop_tells_of_its_products_is_no_change_of_ours(
    opened: Opened, clarity_simulator: Clarity, sage100_simulator: Sage100
) -> None:
    """The shop's webhook names the product; the flow reads the ERP alone."""
    house = opened()
    moment = datetime.now(UTC)
    clarity_simulator.products({"sku": SKU, "price": 20})
    hint = {"connection": "shop", "entity": "product", "key": SKU, "changed_at": moment, "received_at": moment}
    with write(house.engine) as connection:
        keep(connection, [{**hint, "event_id": "msg-1", "event": "product.updated"}])
    before = states(house, "products")
    assert take(house, "shop") == []
    drain(house, "products")
    assert {state for _, state in states(house, "products")[len(before) :]} <= {"unchanged", "skipped"}
    assert product(clarity_simulator)["price"] == 20


QUIRKS = {
    "shop": ("number-formatting", "unknown-extra-fields", "nulls-in-optional-fields"),
    "erp": ("empty-strings", "unknown-extra-fields", "same-second-ties"),
}


def test_every_way_of_writing_the_same_is_the_same(opened: Opened, clarity_simulator: Clarity, sage100_simulator: Sage100) -> None:
    clarity_simulator.faults({quirk: {} for quirk in QUIRKS["shop"]})
    sage100_simulator.faults({quirk: {} for quirk in QUIRKS["erp"]})
    house = opened('[flows.products.conflicts]\nprice = "person"\ncontent = "person"\n')
    for number in range(3):
        sage100_simulator.items({"ItemCode": SKU, "StandardUnitPrice": 30.5 + number, "ItemCodeDesc": f"Lamp {number}"})
        drain(house, "products")
        a_moment_later(sage100_simulator)
    sage100_simulator.clear()

    def there() -> bool:
        drain(house, "products")
        return (product(clarity_simulator)["price"], product(clarity_simulator)["name"]) == (32.5, "Lamp 2")

    wait_for(there, "the last change did not reach the shop")
    assert letters(house) == [], "no edit of staff is seen where there was none"


def test_another_pair_is_a_matter_of_its_files(configured: Configured, simulators: Simulators) -> None:
    """TIMS to ChannelAdvisor, which replaces a product as a whole: what its staff has added stays."""
    ca, tims = simulators.channeladvisor, simulators.tims
    house = configured({"shop": OnChannelAdvisor(ca), "erp": InTims(tims)}, PRODUCTS.format(more=""))
    tims.items({"SKU": "SOFA-7", "Description": "Sofa", "ListPrice": "899.5000", "Cost": "410.0000", "Weight": 120.5})
    drain(house, "products")

    def there() -> dict[str, Any]:
        return next(one for one in ca.state()["products"] if one["SKU"] == "SOFA-7")

    assert (there()["Title"], there()["RetailPrice"], there()["Cost"], there()["Weight"]) == ("Sofa", "899.50", "410.00", 120.5)
    ours = {name: there()[name] for name in ("SKU", "Title", "Currency", "RetailPrice", "Cost", "Weight")}
    with requests.Session() as session:
        session.trust_env = False
        token = access(session, ca.url)
        added = {**ours, "Images": [{"PlacementName": "ITEMIMAGEURL1", "Url": "https://img.example/sofa.jpg"}]}
        assert session.put(f"{ca.url}/v2/products/SOFA-7", json=added, headers={"Authorization": f"Bearer {token}"}, timeout=10).ok
    tims.items({"SKU": "SOFA-7", "Description": "Sofa", "ListPrice": "799.0000"})
    drain(house, "products")
    assert there()["RetailPrice"] == "799.00"
    assert there()["Images"][0]["Url"] == "https://img.example/sofa.jpg"
    assert letters(house) == []
    assert ca.stats()["contract_errors"] == []


def access(session: requests.Session, url: str) -> str:
    credentials = OnChannelAdvisor.credentials
    form = {"grant_type": "refresh_token", "refresh_token": credentials["refresh_token"]}
    answer = session.post(f"{url}/oauth2/token", data=form, auth=(credentials["application_id"], credentials["shared_secret"]), timeout=10)
    return str(answer.json()["access_token"])
