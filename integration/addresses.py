"""One form for postal addresses: letter case, spaces, abbreviations, state, country and postal codes.

Nothing is lost: words are put into one case and spelled in full, never dropped. What is already in order stays as it is, and
harmonizing twice changes nothing. Street words are spelled in full ("48 Orchard Ln." is "48 Orchard Lane", "Ste 4" is "Suite 4"),
in the United States and Canada alone, since elsewhere the same letters mean other things. The words are those of USPS
Publication 28, appendices C1 and C2.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

import pycountry

from integration.errors import Invalid

STREET_WORDS = {
    "aly": "Alley", "ave": "Avenue", "av": "Avenue", "bch": "Beach", "blvd": "Boulevard", "br": "Branch", "brg": "Bridge",
    "byp": "Bypass", "cir": "Circle", "crk": "Creek", "cres": "Crescent", "ct": "Court", "cv": "Cove", "dr": "Drive",
    "expy": "Expressway", "ext": "Extension", "fwy": "Freeway", "gdns": "Gardens", "grv": "Grove", "hbr": "Harbor", "hts": "Heights",
    "hwy": "Highway", "jct": "Junction", "ln": "Lane", "mnr": "Manor", "mdws": "Meadows", "mt": "Mount", "mtn": "Mountain",
    "pkwy": "Parkway", "pl": "Place", "plz": "Plaza", "rd": "Road", "rdg": "Ridge", "rte": "Route", "sq": "Square", "st": "Street",
    "sta": "Station", "ter": "Terrace", "trl": "Trail", "tpke": "Turnpike", "vly": "Valley", "xing": "Crossing",
}  # fmt: skip
UNIT_WORDS = {
    "apt": "Apartment", "bldg": "Building", "dept": "Department", "fl": "Floor", "flr": "Floor", "hngr": "Hangar", "lbby": "Lobby",
    "ofc": "Office", "ph": "Penthouse", "rm": "Room", "spc": "Space", "ste": "Suite", "trlr": "Trailer",
}  # fmt: skip
CODED = ("US", "CA")
"""Countries whose states and provinces have codes of two letters."""
DIRECTIONS = frozenset({"n", "s", "e", "w", "ne", "nw", "se", "sw"})

_STREETS = frozenset(STREET_WORDS) | {word.lower() for word in STREET_WORDS.values()}
_UNITS = frozenset(UNIT_WORDS) | {word.lower() for word in UNIT_WORDS.values()} | {"unit", "lot", "#"}
_SHORT = {full: short.capitalize() for short, full in reversed((STREET_WORDS | UNIT_WORDS).items())}
# Capitals without a vowel are an abbreviation that stays in capitals (NYC, DC), but these are words of names and places.
_CAPITALIZED = frozenset({"st", "mt", "ft", "pt", "jr", "sr", "mr", "mrs", "ms", "dr"}) | _STREETS | _UNITS
_MILITARY = {"AA": "AA", "AE": "AE", "AP": "AP"}
# Spellings besides the codes and names of ISO 3166-2: the traditional abbreviations, and what people write.
_STATE_NAMES = {
    "US": {
        "ALA": "AL", "ARIZ": "AZ", "ARK": "AR", "CALIF": "CA", "COLO": "CO", "CONN": "CT", "DEL": "DE", "FLA": "FL", "ILL": "IL",
        "IND": "IN", "KAN": "KS", "KANS": "KS", "MASS": "MA", "MICH": "MI", "MINN": "MN", "MISS": "MS", "MONT": "MT", "NEB": "NE",
        "NEBR": "NE", "NEV": "NV", "N MEX": "NM", "N DAK": "ND", "S DAK": "SD", "OKLA": "OK", "ORE": "OR", "OREG": "OR", "PENN": "PA",
        "PENNA": "PA", "TENN": "TN", "TEX": "TX", "WASH": "WA", "WASH DC": "DC", "WASHINGTON DC": "DC", "W VA": "WV", "WIS": "WI",
        "WISC": "WI", "WYO": "WY",
    },
    "CA": {
        "ALTA": "AB", "MAN": "MB", "ONT": "ON", "QUE": "QC", "PQ": "QC", "SASK": "SK", "PEI": "PE", "NFLD": "NL", "NEWFOUNDLAND": "NL",
        "LABRADOR": "NL", "NWT": "NT", "YUKON TERRITORY": "YT",
    },
}  # fmt: skip
# What ISO 3166-1 does not list: the European Union's codes, Kosovo's customary one, and parts that write themselves as countries.
_COUNTRY_NAMES = {"UK": "GB", "EL": "GR", "XK": "XK", "ENGLAND": "GB", "SCOTLAND": "GB", "WALES": "GB", "NORTHERN IRELAND": "GB"}

_is_po_box = re.compile(r"\bp\.? ?o\.? ?box\b\.?", re.IGNORECASE)
_is_ordinal = re.compile(r"[0-9]+(st|nd|rd|th)", re.IGNORECASE).fullmatch
_is_number = re.compile(r"#?[0-9][0-9A-Za-z/-]*|#?[A-Za-z]|#?[A-Za-z]-?[0-9]+|#").fullmatch
_is_us_postal_code = re.compile(r"[0-9]{5}(-[0-9]{4})?").fullmatch
_is_ca_postal_code = re.compile(r"[A-Z][0-9][A-Z][0-9][A-Z][0-9]").fullmatch
_is_gb_postal_code = re.compile(r"(GIR|[A-Z]{1,2}[0-9][A-Z0-9]?)[0-9][A-Z]{2}").fullmatch
_words = re.compile(r"[^\W\d_]+").sub


def tidy(text: str) -> str | None:
    """Single spaces, none at the ends; None for nothing but spaces."""
    return " ".join(text.split()) or None


def proper_case(text: str) -> str | None:
    """ "ANA RUIZ", "ana ruiz" → "Ana Ruiz"; text in mixed case is taken to be meant and only tidied."""
    tidied = tidy(text)
    if tidied is None or not (tidied.isupper() or tidied.islower()):
        return tidied
    return " ".join(_proper(word) for word in tidied.split(" "))


def street(text: str, country: str) -> str | None:
    """An address line in its one form: `proper_case`, "PO Box", and in the US and Canada street and unit words in full."""
    cased = proper_case(text)
    if cased is None:
        return None
    line = _is_po_box.sub("PO Box", cased)
    return _spelled(line) if country in ("US", "CA") else line


def country_code(text: str) -> str | None:
    """ISO 3166-1 alpha-2 from that code, alpha-3 or a name in any case. Raises Invalid where there is no such country."""
    key = _key(text)
    if not key:
        return None
    code = _countries().get(key)
    if code is None:
        raise Invalid("is not a country or country code of ISO 3166-1")
    return code


def country_alpha3(text: str) -> str | None:
    """ISO 3166-1 alpha-3, as `country_code`."""
    code = country_code(text)
    if code is None:
        return None
    found = pycountry.countries.get(alpha_2=code)
    if found is None:
        raise Invalid("has no code of three letters")
    return str(found.alpha_3)


def state(text: str, country: str) -> str | None:
    """The two-letter code in the US and Canada, from code or name in any case; elsewhere the text. Raises Invalid for no such state."""
    if country not in ("US", "CA"):
        return tidy(text)
    key = _key(text)
    if not key:
        return None
    code = _states(country).get(key)
    if code is None:
        raise Invalid(f"is not a state or province of {country}")
    return code


def postal_code(text: str, country: str) -> str | None:
    """A postal code as its country writes it. Raises Invalid for a US code that is none.

    Zeros lost at the front of a US code (a spreadsheet took it for a number) are put back.
    """
    tidied = tidy(text)
    if tidied is None:
        return None
    if country == "US":
        return _us_postal_code(tidied)
    compact = tidied.upper().replace(" ", "").replace("-", "")
    if (country == "CA" and _is_ca_postal_code(compact)) or (country == "GB" and _is_gb_postal_code(compact)):
        return f"{compact[:-3]} {compact[-3:]}"
    return tidied.upper()


def fit_lines(given: Sequence[str | None], width: int, most: int) -> list[str | None]:
    """The lines that are not empty as `most` ones of at most `width` letters: as they are where they fit, else wrapped between words, each
    on lines of its own or, where there is no room for that, one after the other, then with the street words abbreviated.

    Raises Invalid where they do not fit without losing something.
    """
    there = [line for line in given if line]
    if len(there) <= most and all(len(line) <= width for line in there):
        return [*there, *[None] * (most - len(there))]
    for lines in (there, [_abbreviated(line) for line in there]):
        for texts in (lines, [", ".join(lines)]):
            fitted = _flowing(texts, width)
            if fitted is not None and len(fitted) <= most:
                return [*fitted, *[None] * (most - len(fitted))]
    raise Invalid(f"does not fit into {most} lines of {width} characters")


def _flowing(texts: Sequence[str], width: int) -> list[str] | None:
    """Each text wrapped into as many lines as it takes; None where a word is longer than a line."""
    lines = []
    for text in texts:
        rest = text
        while rest:
            head, rest = _wrapped(rest, width)
            if not head:
                return None
            lines.append(head)
    return lines


def _proper(word: str) -> str:
    bare = word.strip(".,").lower()
    if any(character.isdigit() for character in bare):
        return word.lower() if _is_ordinal(bare) else word.upper()
    if bare in DIRECTIONS or (word.isupper() and len(bare) <= 3 and not set(bare) & set("aeiou") and bare not in _CAPITALIZED):
        return word.upper()
    return _words(lambda match: _capitalized(match[0], match.start()), word)


def _capitalized(letters: str, start: int) -> str:
    if start and len(letters) == 1:
        return letters.lower()  # the s of "Women's"
    if len(letters) > 4 and letters[:2].lower() == "mc":
        return f"Mc{letters[2:].capitalize()}"
    return letters.capitalize()


def _spelled(line: str) -> str:
    words = line.split(" ")
    for place, word in enumerate(words):
        comma = "," if word.endswith(",") else ""
        bare = word.rstrip(".,").lower()
        after = "" if comma or place + 1 == len(words) else words[place + 1].rstrip(".,").lower()
        if bare in UNIT_WORDS and ((after and _is_number(after)) or (place and _is_ordinal(words[place - 1]))):
            words[place] = UNIT_WORDS[bare] + comma
        elif bare in STREET_WORDS and (_is_number(after) if not place else _ends_street(after)):
            words[place] = STREET_WORDS[bare] + comma
        elif bare in DIRECTIONS and word.endswith(".") and place:
            words[place] = word.rstrip(".")
    return " ".join(words)


def _ends_street(after: str) -> bool:
    """Whether a street word before `after` is the kind of street: "Main St N", "Main St Apt 4", but not "St Marks"."""
    return not after or after in DIRECTIONS or after in _UNITS or after[0] == "#" or _is_number(after) is not None


def _abbreviated(line: str) -> str:
    return " ".join(_SHORT.get(word, word) for word in line.split(" "))


def _wrapped(line: str, width: int) -> tuple[str, str]:
    """The line cut at its last space within `width`; the head is empty where there is none."""
    if len(line) <= width:
        return line, ""
    cut = line.rfind(" ", 0, width + 1)
    return line[: max(cut, 0)].rstrip(", "), line[cut + 1 :].strip()


def _us_postal_code(text: str) -> str:
    if _is_us_postal_code(text):
        return text
    digits = text.replace(" ", "").replace("-", "")
    if digits.isascii() and digits.isdigit():
        if len(digits) in (3, 4, 5):
            return digits.zfill(5)
        if len(digits) in (7, 8, 9):
            digits = digits.zfill(9)
            return f"{digits[:5]}-{digits[5:]}"
    raise Invalid("is not a US postal code, 99999 or 99999-9999")


def _key(text: str) -> str:
    """Text as names are compared: capitals without accents, dots and surplus spaces."""
    if text.isascii() and text.isalpha():
        return text.upper()
    plain = "".join(character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character))
    return " ".join(plain.replace(".", "").replace(",", " ").upper().split())


@cache
def _countries() -> dict[str, str]:
    members = ("alpha_2", "alpha_3", "name", "common_name", "official_name")
    names = {_key(getattr(country, member, "")): country.alpha_2 for country in pycountry.countries for member in members}
    return names | _COUNTRY_NAMES


@cache
def _states(country: str) -> dict[str, str]:
    codes: dict[str, str] = {}
    for subdivision in pycountry.subdivisions:
        of, _, code = subdivision.code.partition("-")
        if of == country:
            codes[_key(subdivision.name)] = codes[code] = code
    return codes | _STATE_NAMES[country] | (_MILITARY if country == "US" else {})
