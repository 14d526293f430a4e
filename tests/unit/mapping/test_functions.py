"""Money stays exact, instants stay instants, and a function that cannot answer says why without repeating what it was given."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.errors import Invalid, Misconfigured
from integration.mapping.document import Word
from integration.mapping.functions import FUNCTIONS
from integration.mapping.words import Scope

AMOUNTS = st.decimals(min_value=Decimal(-(10**9)), max_value=Decimal(10**9), places=6)
CENTS = st.decimals(min_value=0, max_value=Decimal(10**9), places=2)


def call(name: str, *arguments: Any) -> Any:
    return FUNCTIONS[name].make(*arguments)


def scope(*, reading: bool = False, path: str = "status", zone: str | None = None, **words: dict[str, tuple[str, ...]]) -> Scope:
    lists = {name: {ours: Word(theirs, "file:1") for ours, theirs in pairs.items()} for name, pairs in words.items()}
    return Scope(lists, reading, path, (), frozenset({"customer", "order"}), zone)


@given(AMOUNTS, st.integers(0, 6))
def test_money_is_the_amount_rounded_half_up_and_stays_so(amount: Decimal, places: int):
    text = call("money", places)(amount)
    assert Decimal(text) == amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    assert len(text.partition(".")[2]) == places
    assert call("money", places)(text) == text
    assert call("money", places)(str(amount)) == text


@given(CENTS)
def test_cents_pass_through_text_and_back_unchanged(amount: Decimal):
    assert call("decimal")(call("money", 2)(amount)) == amount
    assert call("decimal")(call("money", 4)(amount)) == amount


@given(st.lists(st.one_of(st.none(), CENTS)))
def test_sums_are_exact(amounts: list[Decimal | None]):
    cents = sum(int(amount * 100) for amount in amounts if amount is not None)
    total = call("sum")([None if amount is None else str(amount) for amount in amounts])
    assert total == Decimal(cents) / 100
    assert isinstance(total, Decimal)


def test_money_has_no_negative_zero_and_no_exponent():
    assert call("money", 2)(Decimal("-0.001")) == "0.00"
    assert call("money", 2)(Decimal("1E+3")) == "1000.00"


@pytest.mark.parametrize("wrong", [1.5, True, None, "Zebulon", "NaN", "Infinity", "1e999999999999999999", []])
@pytest.mark.parametrize("name", ["decimal", "money"])
def test_what_is_no_exact_amount_is_refused(name: str, wrong: Any):
    with pytest.raises(Invalid) as caught:
        call(name)(wrong)
    assert "Zebulon" not in caught.value.message


@given(st.datetimes(timezones=st.timezones()).filter(lambda moment: 1 < moment.year < 9999))
def test_instants_become_utc_with_milliseconds(moment: datetime):
    text = call("instant")(moment.isoformat())
    assert text.endswith("Z")
    assert len(text) == 24
    back = datetime.fromisoformat(text)
    assert abs((back - moment).total_seconds()) < 0.001
    assert call("instant")(text) == text
    assert call("date")(text) == back.astimezone(UTC).date().isoformat()


@pytest.mark.parametrize("wrong", ["2026-03-02T14:05:09", "yesterday", 5, "2026-13-01T00:00:00Z"])
def test_what_is_no_instant_is_refused(wrong: Any):
    with pytest.raises(Invalid):
        call("instant")(wrong)


def test_the_day_is_that_of_utc():
    assert call("date")("2026-03-02T23:30:00-05:00") == "2026-03-03"


def test_words_write_the_first_and_read_all():
    pairs = {"pending": ("Open", "Allocated"), "shipped": ("Fulfilled",)}
    write, read = call("word", scope(status=pairs), "status"), call("word", scope(reading=True, status=pairs), "status")
    assert [write("pending"), write("shipped")] == ["Open", "Fulfilled"]
    assert [read("Open"), read("Allocated"), read("Fulfilled")] == ["pending", "pending", "shipped"]
    for wrong in ("open", "", None, ["Open"]):
        with pytest.raises(Invalid, match="not in the word list status"):
            read(wrong)


def test_a_word_that_would_be_read_in_two_ways_is_refused():
    with pytest.raises(Misconfigured, match="O is read as pending and as on_hold"):
        call("word", scope(reading=True, status={"pending": ("O",), "on_hold": ("O",)}), "status")


def test_word_like_compares_letters_alone_and_gives_null_for_what_it_lacks():
    step = call("word_like", scope(method={"Second Day": ("2DAY",)}), "method")
    assert [step(name) for name in ("SecondDay", "second-day", "SECOND DAY!", "Third Day", "")] == ["2DAY", "2DAY", "2DAY", None, None]


def test_code_like_asks_for_what_the_list_lacks_unless_the_list_has_a_word_for_all_else():
    step = call("code_like", scope(method={"Second Day": ("2DAY",)}), "method")
    assert step("second-day") == "2DAY"
    with pytest.raises(Invalid, match="'Third Day' is not in the word list method; add it there"):
        step("Third Day")
    step = call("code_like", scope(method={"Second Day": ("2DAY",), "*": ("GROUND",)}), "method")
    assert [step(name) for name in ("SecondDay", "Third Day", "*", "")] == ["2DAY", "GROUND", "GROUND", "GROUND"]
    assert call("word_like", scope(method={"*": ("GROUND",)}), "method")("") is None


def test_texts():
    assert call("joined")(["Ana", None, "Ruiz"]) == "Ana Ruiz"
    assert call("joined")([None, ""]) is None
    assert call("labelled", "Order", "Promotions", "By")(["1", ["A", "B"], None]) == "Order 1; Promotions A, B"
    assert call("labelled", "Order", "Promotions")([None, []]) is None
    assert call("cut", 5)("abcdef") == "abcd…"
    assert call("cut", 5)("abcde") == "abcde"
    assert call("phone", 12)("+1 (512) 555-0100") == "+15125550100"
    assert call("phone", 30)("+1 (512) 555-0100") == "+1 (512) 555-0100"
    assert call("default", "x")(None) == "x"
    assert call("default", "x")("") == "x"
    assert call("default", "x")(0) == 0
    assert [call("given")(value) for value in ("1Z9", 0, "", None)] == [True, True, False, False]


def test_a_bad_country_is_told_once_by_its_own_line():
    assert call("state")(["Texas", "Atlantis"]) == "Texas"
    assert call("postal_code")(["78701", None]) == "78701"


def test_every_function_says_what_it_does():
    for name, function in FUNCTIONS.items():
        assert function.make.__doc__, name


@pytest.mark.parametrize(("name", "arguments", "wrong"), [
    ("text", (), {"name": "Zebulon"}), ("tidy", (), 5), ("upper", (), ["Zebulon"]), ("cut", (3,), Decimal(1)), ("joined", (), "Zebulon"),
    ("joined", (), [5]), ("labelled", ("a", "b"), ["x", {"name": "Zebulon"}]), ("sum", (), "123"), ("street", (), [5, "US"]),
    ("first_line", (60,), [5, None]), ("country", (), 5),
])  # fmt: skip
def test_a_value_of_the_wrong_kind_is_a_fault_and_no_crash(name: str, arguments: tuple[Any, ...], wrong: Any):
    with pytest.raises(Invalid) as caught:
        call(name, *arguments)(wrong)
    assert "Zebulon" not in caught.value.message


@given(st.lists(st.text("1Z9", min_size=1, max_size=12), max_size=6), st.integers(12, 40))
def test_a_list_in_a_line_holds_whole_texts_only_each_once_as_far_as_there_is_room(texts: list[str], most: int):
    line = call("listed", most)([texts, texts[0] if texts else None, None])
    told = line.split(", ") if line else []
    assert len(set(told)) == len(told)
    assert set(told) <= set(texts)
    assert told[:1] == texts[:1]
    assert len(line or "") <= most
    assert all(len(f"{line}, {text}") > most for text in set(texts) - set(told))


def test_a_list_in_a_line_begins_with_a_text_that_has_no_room():
    assert call("listed", 5)(["1Z999AA", "2"]) == "1Z999AA"


def test_days_are_those_of_the_connections_zone_or_of_one_that_the_line_names():
    chicago, late = scope(zone="America/Chicago"), "2026-03-03T04:30:00.000Z"
    assert call("local_day", chicago)(late) == "20260302"
    assert call("local_day", chicago, "Europe/London")(late) == "20260303"
    assert call("day_begins", chicago)("20260302") == "2026-03-02T06:00:00.000Z"
    assert call("day_ends", chicago)("20260307") == "2026-03-08T06:00:00.000Z"
    assert call("day_ends", chicago)("20260308") == "2026-03-09T05:00:00.000Z"
    assert call("local_instant", chicago)(["20260302", "10.50000"]) == "2026-03-02T16:30:00.000Z"
    for name in ("local_day", "day_begins", "day_ends", "local_instant"):
        with pytest.raises(ValueError, match="the connection says no zone"):
            call(name, scope())
        for zone in ("Mars/Olympus", "America", "../etc", "x" * 300):
            with pytest.raises(ValueError, match=r"zone '.*' does not exist; write one like America/Chicago"):
                call(name, chicago, zone)
