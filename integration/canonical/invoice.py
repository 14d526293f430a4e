"""The canonical invoice: what is owed for what was delivered, or taken back."""

from __future__ import annotations

from integration.canonical.money import Money
from integration.schema import Day, Instant, Parts, ReadSchema, Text, Whole

KINDS = ("invoice", "debit_memo", "credit_memo", "other", "deleted")
SETTLEMENTS = ("open", "partially_paid", "paid")


class InvoiceLine(ReadSchema):
    """One line of an invoice, its amounts positive as on paper where the whole is a credit."""

    line_number = Whole(1, 999_999)
    """The line of the order, or of the invoice where it names none."""
    sku = Text(100, 1)
    """The code of the item; none on an entry that is about money alone."""
    title = Text(500)
    """What the line says."""
    quantity = Money()
    """Units billed or credited; some ERPs sell parts of a unit."""
    unit_price = Money()
    """The price of a unit, before discount and tax."""
    tax_amount = Money()
    """Tax of the whole line, where it is told by line."""
    discount_amount = Money()
    """Discount of the whole line as a positive amount, where it is told by line."""
    amount = Money()
    """What the line adds up to, where the system says it."""


class Invoice(ReadSchema):
    """An invoice or a credit memo. One number may stand on several documents: then the one with the highest `sequence` is what counts."""

    source_key = Text(64, 1, required=True)
    """The document's key in the system that posted it."""
    number = Text(64, 1, required=True)
    """The number that is printed on it."""
    sequence = Text(10)
    """Tells documents of one number apart, growing."""
    kind = Text(20, among=KINDS, required=True)
    """What sort of document it is."""
    order_key = Text(64, 1)
    """The key of the order that it bills, in the same system."""
    order_reference = Text(64, 1)
    """The number by which that order is known where it was placed."""
    applies_to = Text(64, 1)
    """The number of the invoice that a credit memo lowers."""
    customer_key = Text(64, 1)
    """The customer who owes it, in the same system."""
    external_reference = Text(64)
    """The number under which another system posted it."""
    issued_on = Day()
    """The day on the document."""
    due_on = Day()
    """The day by which it is to be paid."""
    currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters")
    """The currency of every amount, by ISO 4217."""
    shipping_amount = Money()
    """Freight."""
    tax_amount = Money()
    """Tax in all."""
    discount_amount = Money()
    """Discount in all, as a positive amount."""
    deposit_amount = Money()
    """What was paid before; it lowers the balance only once a payment is posted."""
    total_amount = Money(required=True)
    """What the document is for, tax and freight included."""
    balance = Money(required=True)
    """What of it is neither paid nor credited."""
    updated_at = Instant()
    """The last change in the system that posted it."""
    lines = Parts(InvoiceLine, 1000)
    """What it bills or credits."""
    settlement = Text(20, among=SETTLEMENTS)
    """How far all invoices of its order are settled. Written only."""
    remark = Text(2000)
    """The same in words, for the store's staff. Written only."""
