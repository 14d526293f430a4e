"""The customer of an order: one person is one customer of the target, known by its number there, found or made once; guests by the flow's
rule."""

from __future__ import annotations

from typing import Any

from integration.canonical.customer import customer_of
from integration.delivery import Parcel
from integration.errors import FieldError, Invalid, Refused
from integration.ledger import crosswalk
from integration.ledger.crosswalk import ANY_SOURCE
from integration.ledger.database import read, write
from integration.line.journey import Canonical, House, Journey
from integration.ports import Body

NUMBER = "customer number"
"""The crosswalk's entity of a number by which the target knows a customer."""


def customer_part(house: House, journey: Journey, canonical: Canonical, *, addresses: bool = True) -> dict[str, Any]:
    """What load needs to find or make the customer: `{"target_key"}` where it is fixed, else `{"key", "find", "body"}`.

    `key` is a keyed hash of the address in lower case, so that neither the crosswalk nor a log holds the address itself.
    Without `addresses` those that the order names are left out. Raises what the target raises when it is asked for a number.
    """
    customer = customer_of(canonical)
    number = customer.pop("number_in_target", None)
    if number and _is_there(house, journey, number):
        return {"target_key": number}
    if not addresses:
        customer["addresses"] = []
    if not customer.get("email"):
        guests = journey.flow.guests
        if guests.rule == "refuse":
            raise Invalid(
                "the order has no e-mail address",
                (FieldError("customer.email", "is missing, and the flow takes no guests; set guests.rule, or give an address and replay"),),
            )
        if guests.rule == "shared":
            if guests.customer_id:
                return {"target_key": guests.customer_id}
            customer = {"name": guests.name, "email": guests.email, "phone": None, "addresses": []}
        else:
            domain = guests.email.rpartition("@")[2]
            customer["email"] = f"order-{canonical['source_key']}@{domain}"
    # Every target wants a name; an order may come with nothing but an address to write to.
    customer["name"] = customer.get("name") or journey.flow.guests.name
    customer["division"] = journey.flow.division
    email = customer["email"]
    writing = journey.writing["customer"]
    body = writing.to_body(customer)
    faults = [FieldError(f"customer.{fault.field}", fault.message) for fault in writing.faults(body)]
    if faults:
        raise Invalid("the customer does not pass", tuple(faults))
    part = {"key": house.vault.subject(email), "find": email, "body": body}
    return part if customer_of(canonical).get("email") else {**part, "guest": True}


def customer_parcel(find: str, body: Body, *, guest: bool) -> Parcel:
    """What is found there is left as it is. An invented guest is nobody whom the target may know by name."""
    return Parcel("customer", find, body, look_first=True, leave_found=True, by_reference_alone=guest)


def _is_there(house: House, journey: Journey, number: str) -> bool:
    """Whether the target knows a customer by the number that the order names; asked once."""
    target = journey.flow.target
    with read(house.engine) as connection:
        if number in crosswalk.look_up(connection, ANY_SOURCE, target, NUMBER, [number]):
            return True
    try:
        found = journey.target.get("customer", number)
    except Refused:  # it cannot even be one of the target's
        return False
    if found is None:
        return False
    with write(house.engine) as connection:
        crosswalk.bind(connection, ANY_SOURCE, target, NUMBER, number, found.key)
    return True
