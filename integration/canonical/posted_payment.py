"""The canonical payment as a record of its own: money that has come in or gone out, and the documents that it settles."""

from __future__ import annotations

from integration.canonical.money import Money
from integration.canonical.payment import Payment
from integration.schema import Day, Instant, Parts, ReadSchema, Text

KINDS = ("receipt", "refund")


class Application(ReadSchema):
    """The part of a payment that settles one document."""

    invoice_number = Text(64, 1)
    """The document; none for money that is paid before there is one."""
    amount = Money(required=True)
    """What is settled of it."""
    discount_amount = Money()
    """What was let off for paying early."""


class PostedPayment(Payment):
    """A payment in the books, or one of a gateway that is to go there."""

    kind = Text(10, among=KINDS, required=True)
    """Whether the merchant got the money or gave it back."""
    order_reference = Text(64, 1)
    """The order that it is for, where it names one."""
    customer_key = Text(64, 1)
    """The customer in the system of the books."""
    external_reference = Text(64)
    """The number under which another system posted it."""
    paid_on = Day()
    """The day of the payment."""
    currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters")
    """The currency of every amount, by ISO 4217."""
    applications = Parts(Application, 200)
    """The documents that it settles."""
    updated_at = Instant()
    """The last change in the system that it was read from."""
