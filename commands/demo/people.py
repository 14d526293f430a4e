"""The invented buyers of the demo, and how people type their names and addresses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from commands.demo.sale import Address, Person

FIRST_NAMES = (
    "Ana", "Ben", "Chloé", "Dmitri", "Elena", "Farid", "Grace", "Hiroshi", "Ingrid", "José",
    "Keisha", "Liam", "Mei", "Noor", "Olu", "Priya", "Quinn", "Rosa", "Sven", "Tomasz",
)  # fmt: skip
LAST_NAMES = (
    "Ruiz", "Okafor", "McBride", "Nguyen", "O'Neill", "Petrov", "Schmidt", "Tanaka", "de la Cruz", "Larsson",
    "Haddad", "Kowalski", "Washington", "Bianchi", "Patel", "Fischer", "Silva", "Moreau", "Lindqvist", "Adeyemi",
)  # fmt: skip
STREETS = (
    "Orchard Ln.",
    "Main St",
    "N. Lamar Blvd",
    "Sunset Ave",
    "Old Mill Rd",
    "W 5th St",
    "Lakeview Dr.",
    "Cedar Ct",
    "Harbor Pkwy",
    "Elm Terrace",
)
UNITS = (None, None, None, "Apt 4B", "apt. 12", "STE 200", "Unit 7", "# 3")

# City, the ways its buyers write the state, and a postal code; one begins with a zero that spreadsheets lose.
CITIES = (
    ("Austin", ("TX", "Texas", "tx"), "78701"),
    ("Portland", ("OR", "Oregon", "Ore."), "97205"),
    ("Cambridge", ("MA", "Massachusetts", "Mass."), "02138"),
    ("Boise", ("ID", "idaho"), "83702"),
    ("St Paul", ("MN", "Minn.", "MINNESOTA"), "55101"),
    ("Santa Fe", ("NM", "New Mexico"), "87501"),
    ("Savannah", ("GA", "Georgia", "ga"), "31401"),
    ("Burlington", ("VT", "vermont"), "05401"),
)

_CASES: tuple[Callable[[str], str], ...] = (str, str, str, str.upper, str.lower)
_SPACES: tuple[Callable[[str], str], ...] = (str, str, str, lambda text: f" {text}", lambda text: text.replace(" ", "  "))
_POSTAL: tuple[Callable[[str], str], ...] = (str, str, str, lambda code: f"{code}-{code[:4]}", lambda code: code.lstrip("0"))


@dataclass(frozen=True, slots=True)
class Buyer:
    """A person who may order more than once, and types everything anew each time. No `email`: a guest."""

    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    street: str
    unit: str | None
    city: str
    states: tuple[str, ...]
    postal_code: str


def new_buyer(random: Random, number: int, *, guest: bool = False) -> Buyer:
    """`number` tells the e-mail addresses of namesakes apart."""
    first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    city, states, postal_code = random.choice(CITIES)
    return Buyer(
        first_name=first,
        last_name=last,
        email=None if guest else f"buyer.{number}@shoppers.example",
        phone=random.choice((None, f"(512) 555-{random.randrange(100, 200):04d}", f"+1 206 555 {random.randrange(100, 200):04d}")),
        street=f"{random.randrange(1, 9900)} {random.choice(STREETS)}",
        unit=random.choice(UNITS),
        city=city,
        states=states,
        postal_code=postal_code,
    )


def person(random: Random, buyer: Buyer) -> Person:
    """The buyer, as typed this time."""
    case = random.choice(_CASES)
    email = buyer.email and random.choice((buyer.email, buyer.email, buyer.email.title()))
    return Person(case(buyer.first_name), case(buyer.last_name), email, buyer.phone)


def address(random: Random, buyer: Buyer) -> Address:
    """Where the buyer lives, as typed this time."""
    case, spaces = random.choice(_CASES), random.choice(_SPACES)
    return Address(
        first_name=case(buyer.first_name),
        last_name=case(buyer.last_name),
        line1=spaces(case(buyer.street)),
        line2=buyer.unit,
        city=case(buyer.city),
        region=random.choice(buyer.states),
        postal_code=random.choice(_POSTAL)(buyer.postal_code),
    )


def known_as(name: str, postal_code: str | None) -> str:
    """What tells namesakes apart where there is no e-mail address, however it is typed."""
    return f"{' '.join(name.split())} {five_digits(postal_code)}".lower()


def five_digits(postal_code: str | None) -> str:
    """A spreadsheet loses the zero in front, and some add four more."""
    return (postal_code or "").partition("-")[0].zfill(5)
