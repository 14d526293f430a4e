"""Addresses come into one form, lose nothing, and stay as they are once they are in it."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integration import addresses
from integration.errors import Invalid

# What people type: latin letters with accents, digits, punctuation of addresses, surplus spaces, words in short.
SHORT_WORDS = sorted(
    {*addresses.STREET_WORDS, *addresses.UNIT_WORDS, *addresses.DIRECTIONS, "po", "box", "p.o.", "#", "1/2", "5th", "4b", "O'Brien"}
)
WORD = st.one_of(
    st.sampled_from(SHORT_WORDS).flatmap(lambda word: st.sampled_from([word, word.upper(), word.capitalize(), f"{word}.", f"{word},"])),
    st.text(st.characters(codec="latin-1", categories=("L", "Nd", "Po", "Pd")), min_size=1, max_size=8),
)
LINE = st.lists(WORD, max_size=8).flatmap(lambda words: st.sampled_from([" ", "  ", "\t"]).map(lambda space: space.join(words)))
COUNTRY = st.sampled_from(["US", "CA", "GB", "DE", ""])


def bare_words(text: str | None) -> list[str]:
    """The words without case and punctuation, each spelled in full."""
    spelled = addresses.STREET_WORDS | addresses.UNIT_WORDS
    text = re.sub(r"\bp\.? ?o\.? ?box\b", "po box", " ".join((text or "").split()), flags=re.IGNORECASE)
    words = [re.sub(r"[.,]+$", "", word).casefold() for word in text.split()]
    return [spelled.get(word, word).casefold() for word in words if word]


@given(LINE, COUNTRY)
@example("St. St. Ste 4 Fl", "US")
@example("5th fl # 4", "CA")
def test_street_twice_is_street_once_and_no_word_is_lost(line: str, country: str):
    once = addresses.street(line, country)
    assert once is None or addresses.street(once, country) == once
    assert bare_words(once) == bare_words(line)


@given(LINE)
def test_case_twice_is_case_once_and_changes_case_and_spaces_alone(line: str):
    once = addresses.proper_case(line)
    assert once is None or addresses.proper_case(once) == once
    assert "".join((once or "").casefold().split()) == "".join(line.casefold().split())


@given(st.lists(st.from_regex(r"[A-Za-z0-9]{1,14},?", fullmatch=True), min_size=1, max_size=20), st.lists(st.just("Apt"), max_size=3))
def test_fitted_lines_fit_and_lose_no_word(first: list[str], second: list[str]):
    try:
        lines = addresses.fit_lines([" ".join(first), " ".join(second) or None], 60, 2)
    except Invalid:
        assert len(" ".join([*first, *second])) > 60
        return
    assert all(line is None or 0 < len(line) <= 60 for line in lines)
    assert bare_words(" ".join(filter(None, lines))) == bare_words(" ".join([*first, *second]))


@pytest.mark.parametrize(("typed", "harmonized"), [
    ("48 Orchard Lane", "48 Orchard Lane"),
    ("48 ORCHARD LN.", "48 Orchard Lane"),
    ("48  orchard   ln", "48 Orchard Lane"),
    ("Unit 7", "Unit 7"),
    ("100 main st apt 4b", "100 Main Street Apartment 4B"),
    ("100 MAIN ST, APT 5", "100 Main Street, Apartment 5"),
    ("100 Main St # 5", "100 Main Street # 5"),
    ("100 MAIN ST SW", "100 Main Street SW"),
    ("100 N. Main St.", "100 N Main Street"),
    ("123 St Marks Pl", "123 St Marks Place"),
    ("Dr Martin Luther King Jr Blvd", "Dr Martin Luther King Jr Boulevard"),
    ("123 Ave C", "123 Avenue C"),
    ("HWY 71 W", "Highway 71 W"),
    ("500 Ste Catherine St", "500 Ste Catherine Street"),
    ("STE 200", "Suite 200"),
    ("3RD FL", "3rd Floor"),
    ("FL 3", "Floor 3"),
    ("p.o. box 12", "PO Box 12"),
    ("P O BOX 12", "PO Box 12"),
    ("5TH AVE", "5th Avenue"),
    ("12 O'BRIEN RD", "12 O'Brien Road"),
    ("9 MCDONALD CT", "9 McDonald Court"),
    ("1 deKalb Ave", "1 deKalb Avenue"),
    ("   ", None),
])  # fmt: skip
def test_street(typed: str, harmonized: str | None):
    assert addresses.street(typed, "US") == harmonized
    assert addresses.street(typed, "CA") == harmonized


def test_elsewhere_no_word_is_spelled_in_full():
    assert addresses.street("221b Baker St", "GB") == "221b Baker St"
    assert addresses.street("12 RUE DU DR ROUX", "FR") == "12 Rue Du Dr Roux"


@pytest.mark.parametrize(("typed", "cased"), [
    ("ANA RUIZ", "Ana Ruiz"), ("ana ruiz", "Ana Ruiz"), ("Ana de la Cruz", "Ana de la Cruz"), ("MCDONALD", "McDonald"), ("MACK", "Mack"),
    ("O'BRIEN-SMITH", "O'Brien-Smith"), ("women's shelter", "Women's Shelter"), ("JOSÉ", "José"), ("ST LOUIS", "St Louis"),
    ("WASHINGTON DC", "Washington DC"), ("MARTIN KING JR", "Martin King Jr"), ("東京", "東京"), (" \t", None),
])  # fmt: skip
def test_proper_case(typed: str, cased: str | None):
    assert addresses.proper_case(typed) == cased


@pytest.mark.parametrize(("typed", "country", "code"), [
    ("TX", "US", "TX"), ("tx", "US", "TX"), ("Texas", "US", "TX"), ("NEW  YORK", "US", "NY"), ("N.Y.", "US", "NY"), ("d.c.", "US", "DC"),
    ("Calif.", "US", "CA"), ("AE", "US", "AE"), ("puerto rico", "US", "PR"), ("québec", "CA", "QC"),
    ("Quebec", "CA", "QC"), ("ont.", "CA", "ON"),
    ("P.E.I.", "CA", "PE"), ("  Greater  London ", "GB", "Greater London"), ("bayern", "DE", "bayern"), (" ", "US", None),
])  # fmt: skip
def test_state(typed: str, country: str, code: str | None):
    assert addresses.state(typed, country) == code


@pytest.mark.parametrize(("typed", "code"), [
    ("US", "US"), ("us", "US"), ("USA", "US"), ("U.S.A.", "US"), ("United States", "US"), ("uk", "GB"), ("GB", "GB"),
    ("Great Britain", None),
    ("Germany", "DE"), ("côte d'ivoire", "CI"), ("XK", "XK"), ("", None),
])  # fmt: skip
def test_country(typed: str, code: str | None):
    if typed and code is None:
        with pytest.raises(Invalid):
            addresses.country_code(typed)
    else:
        assert addresses.country_code(typed) == code


@pytest.mark.parametrize(("typed", "country", "code"), [
    ("78701", "US", "78701"), (" 78701-1234 ", "US", "78701-1234"), ("787010000", "US", "78701-0000"), ("78701 1234", "US", "78701-1234"),
    ("78701-", "US", "78701"), ("2108", "US", "02108"), ("601", "US", "00601"), ("10890077", "US", "01089-0077"),
    ("h3g1k4", "CA", "H3G 1K4"), ("H3G-1K4", "CA", "H3G 1K4"), ("nw16xe", "GB", "NW1 6XE"), ("SW1A  1AA", "GB", "SW1A 1AA"),
    ("1010", "AT", "1010"), ("d02 x285", "IE", "D02 X285"), (" ", "US", None),
])  # fmt: skip
def test_postal_code(typed: str, country: str, code: str | None):
    assert addresses.postal_code(typed, country) == code
    assert code is None or addresses.postal_code(code, country) == code


@pytest.mark.parametrize(("harmonize", "typed", "country"), [
    (addresses.postal_code, "7870A", "US"), (addresses.postal_code, "12", "US"), (addresses.postal_code, "787011", "US"),
    (addresses.state, "Atlantis", "US"), (addresses.state, "TX", "CA"), (lambda text, _: addresses.country_code(text), "Atlantis", ""),
])  # fmt: skip
def test_what_cannot_be_right_is_refused_without_repeating_it(harmonize, typed: str, country: str):
    with pytest.raises(Invalid) as caught:
        harmonize(typed, country)
    assert typed not in caught.value.message


def test_lines_that_fit_only_abbreviated():
    line = "Apartment Towers of the Grand Old Boulevard and Parkway and " + "Highway and Terrace and Boulevard and Expressway and Drive"
    first, second = addresses.fit_lines([line, "Suite 4"], 60, 2)
    assert (first, second) == (
        "Apt Towers of the Grand Old Blvd and Pkwy and Hwy and Ter",
        "and Blvd and Expy and Dr, Ste 4",
    )


def test_lines_that_cannot_fit_are_refused():
    with pytest.raises(Invalid, match="2 lines of 60"):
        addresses.fit_lines(["x" * 61, None], 60, 2)
    with pytest.raises(Invalid):
        addresses.fit_lines(["word " * 20, "y" * 50], 60, 2)
