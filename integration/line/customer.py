"""The customer of an order: one person is one customer of the target, found by e-mail address or made once; guests by the flow's rule."""

from __future__ import annotations

from typing import Any

from integration.canonical.customer import customer_of
from integration.errors import FieldError, Invalid
from integration.line.journey import Canonical, House, Journey


def customer_part(house: House, journey: Journey, canonical: Canonical, *, addresses: bool = True) -> dict[str, Any]:
    """What load needs to find or make the customer: `{"target_key"}` where it is fixed, else `{"key", "find", "body"}`.

    `key` is a keyed hash of the address in lower case, so that neither the crosswalk nor a log holds the address itself.
    Without `addresses` those that the order names are left out.
    """
    customer = customer_of(canonical)
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
    email = customer["email"]
    writing = journey.writing["customer"]
    body = writing.to_body(customer)
    faults = [FieldError(f"customer.{fault.field}", fault.message) for fault in writing.faults(body)]
    if faults:
        raise Invalid("the customer does not pass", tuple(faults))
    part = {"key": house.vault.subject(email), "find": email, "body": body}
    return part if customer_of(canonical).get("email") else {**part, "guest": True}
