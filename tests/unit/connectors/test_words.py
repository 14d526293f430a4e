"""An error text keeps the system's words and loses the person."""

from __future__ import annotations

import pytest

from connectors.rest.words import Redaction

SENT = {
    "ExternalOrderID": "5000123456",
    "Notes": "Ring twice",
    "ShippingAddress": {"Name": "Ana Ruíz", "Line1": "48 Orchard Lane", "State": "TX", "Phone": None},
    "LineItems": [{"SKU": "LAMP-001", "Quantity": 2}],
    "Tags": ["gift-for-bo"],
}
PLAIN = ("ExternalOrderID", "SKU", "State", "Quantity")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("No item LAMP-001.", "No item LAMP-001."),
        ("Order 5000123456 has State TX.", "Order 5000123456 has State TX."),
        ("Dear ana ruíz, 48 ORCHARD LANE is unknown.", "Dear …, … is unknown."),
        ("Orchard is no street of Ruíz.", "… is no street of …."),
        ("Tag gift-for-bo is taken.", "Tag … is taken."),
        ("Write to someone.else@mail.example, please.", "Write to …, please."),
        ("Call +1 (512) 555-0100 or 555-0199.", "Call … or …."),
        ("Customer 5125550100 exists.", "Customer … exists."),
        ("OrderDate 2026-03-02 is closed, SO-0001234 too; 10 of 19.90.", "OrderDate 2026-03-02 is closed, SO-0001234 too; 10 of 19.90."),
        ("two\nlines\tand  spaces", "two lines and spaces"),
        ("x" * 5000, "x" * 500),
        (None, ""),
        (["a"], ""),
    ],
)
def test_words(said, shown):
    assert Redaction(SENT, PLAIN)(said) == shown


def test_nothing_sent_hides_nothing_but_contacts():
    assert Redaction(None, ())("Order ana@buyer.example of Ana.") == "Order … of Ana."
