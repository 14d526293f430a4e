"""What TIMS takes of this product, as its contract says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, validates_schema

from integration.schema import Day, Email, Instant, Key, MoneyText, Number, Part, Parts, ReadSchema, Text, Whole, WriteSchema, paths

ORDER_STATUSES = ("Open", "Allocated", "Fulfilled", "Cancelled", "OnHold")
PAYMENT_STATUSES = ("Unpaid", "PartiallyPaid", "Paid", "Refunded")

_is_us_postal_code = re.compile(r"[0-9]{5}(-[0-9]{4})?").fullmatch
_is_state_code = re.compile(r"[A-Z]{2}").fullmatch


class Address(WriteSchema):
    Name = Text(60)
    Company = Text(60)
    Line1 = Text(60, 1, required=True)
    Line2 = Text(60)
    City = Text(40, 1, required=True)
    State = Text(30)
    PostalCode = Text(15, 1, required=True)
    Country = Text(2, pattern="[A-Z]{2}", shape="a country code of two capital letters", required=True)
    Phone = Text(30)

    @validates_schema
    def check_country(self, data: dict[str, Any], **_options: Any) -> None:
        """The contract's rules for the US and Canada (else 422 invalid_format)."""
        country, state, postal_code = data.get("Country"), data.get("State"), data.get("PostalCode")
        if country in ("US", "CA") and state is not None and not _is_state_code(state):
            raise ValidationError("is not a state code of two capital letters", "State")
        if country == "US" and postal_code is not None and not _is_us_postal_code(postal_code):
            raise ValidationError("is not a US postal code, 99999 or 99999-9999", "PostalCode")


class CustomerAddress(WriteSchema):
    AddressType = Text(10, among=("Billing", "Shipping"), required=True)
    Address = Part(Address, required=True)


class CustomerCreate(WriteSchema):
    Name = Text(60, 1, required=True)
    Email = Email()
    Phone = Text(30)
    Addresses = Parts(CustomerAddress, 50)
    CreditLimit = MoneyText()
    Status = Text(10, among=("Active", "Inactive"), nullable=False)


class LineItemCreate(WriteSchema):
    SKU = Text(50, 1, pattern=r"\S(.*\S)?", shape="a SKU without spaces around it", required=True)
    Quantity = Whole(1, 100_000, required=True)
    Price = MoneyText(4, required=True)
    TaxAmount = MoneyText(required=True)
    DiscountAmount = MoneyText(required=True)


class SalesOrderCreate(WriteSchema):
    ExternalOrderID = Text(64, 1, required=True)
    CustomerID = Key(11, pattern=r"C-\d{6,9}", shape="a customer number such as C-000123", required=True)
    OrderDate = Day(required=True)
    PaymentStatus = Text(20, among=PAYMENT_STATUSES, nullable=False)
    Currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters", required=True)
    # Not a closed list: an installation may have more codes than the contract names.
    ShippingMethod = Text(20)
    ShippingAmount = MoneyText(nullable=False)
    ShippingAddress = Part(Address, required=True)
    BillingAddress = Part(Address)
    TotalAmount = MoneyText(required=True)
    SourceChannel = Text(100)
    Notes = Text(1000)
    LineItems = Parts(LineItemCreate, 200, 1, required=True)


class SalesOrder(SalesOrderCreate):
    """All that a mapping may write: what a create takes, and the members that only an update does."""

    OrderStatus = Text(20, among=ORDER_STATUSES, nullable=False)
    CancelReason = Text(200)


class OrderedLine(ReadSchema):
    LineNumber = Whole(1, 200, required=True)
    SKU = Text(50, 1, required=True)
    Quantity = Whole(1, 100_000, required=True)
    QuantityShipped = Whole(0, 100_000, required=True)


class SalesOrderState(ReadSchema):
    """Of a sales order, what tells how it stands."""

    SalesOrderID = Text(12, 1, required=True)
    ExternalOrderID = Text(64, 1)
    OrderStatus = Text(20, among=ORDER_STATUSES, required=True)
    CancelReason = Text(200)
    HoldReason = Text(40)
    LineItems = Parts(OrderedLine, 200, 1, required=True)
    UpdatedAt = Instant(required=True)


class ShipmentLine(ReadSchema):
    LineNumber = Whole(1, 200, required=True)
    SKU = Text(50, 1, required=True)
    Quantity = Whole(1, 100_000, required=True)


class Shipment(ReadSchema):
    ShipmentID = Text(12, 1, required=True)
    SalesOrderID = Text(12, 1, required=True)
    ExternalOrderID = Text(64, 1)
    Carrier = Text(40, 1, required=True)
    Service = Text(40)
    TrackingNumber = Text(40)
    ShipDate = Instant(required=True)
    Lines = Parts(ShipmentLine, 200, 1, required=True)
    UpdatedAt = Instant(required=True)


class Quantity(ReadSchema):
    SKU = Text(50, 1, required=True)
    OnHand = Whole(-10_000_000, 10_000_000)
    Allocated = Whole(-10_000_000, 10_000_000)
    Available = Whole(-10_000_000, 10_000_000, required=True)
    UpdatedAt = Instant(required=True)


class Item(ReadSchema):
    SKU = Text(50, 1, required=True)
    Description = Text(120, 1, required=True)
    LongDescription = Text(4000)
    Cost = MoneyText(4, required=True)
    ListPrice = MoneyText(4, required=True)
    Currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters", required=True)
    Status = Text(20, among=("Active", "Inactive", "Discontinued"), required=True)
    UnitOfMeasure = Text(4, 1, required=True)
    Weight = Number(6)
    UPC = Text(20)
    Brand = Text(100)
    UpdatedAt = Instant(required=True)


READ: dict[str, Schema] = {"order_status": SalesOrderState(), "shipment": Shipment(), "stock": Quantity(), "product": Item()}
"""By entity, what is read."""

WRITE: Mapping[str, Schema] = {"order": SalesOrder(), "customer": CustomerCreate()}
"""By entity, what is written. The key of another record may still be a reference (`{"$key_of": "customer"}`)."""

KNOWN_PATHS: Mapping[str, frozenset[str]] = {entity: paths(schema) for entity, schema in {**READ, **WRITE}.items()}
"""By entity, what a mapping may name."""
