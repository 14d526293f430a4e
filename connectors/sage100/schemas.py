"""What Sage 100 takes of this product and what this product reads of it, as its contract says it; text is as long as the version of
Sage 100 at the other end has room for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, validates_schema

from integration.schema import Key, Number, Parts, ReadSchema, Text, WriteSchema, paths

ORDER_STATUSES = ("N", "O", "H", "C")
OPTIONAL_DAY = r"(\d{8})?"
DAY, TIME = r"\d{8}", r"([01]\d|2[0-3])\.\d{5}"
_is_zip = re.compile(r"\d{5}(-\d{4})?", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class Lengths:
    """Longest texts by version: of names, address lines, a city, a customer's order number and a telephone number."""

    name: int
    address: int
    city: int
    order_number: int
    telephone: int


PROFILES: Mapping[str, Lengths] = {
    "2022": Lengths(name=50, address=40, city=30, order_number=30, telephone=20),
    "2018": Lengths(name=30, address=30, city=20, order_number=15, telephone=17),
}
"""By the word that a connection's `profile` says; the first where it says none. Both are those of the version and of later ones."""


class Signed(Number):
    """A quantity or an amount per unit, which may be below zero: of what is available, or of a charge."""

    def check(self, value: Any) -> Any:
        negative = str(value).startswith("-")
        return -super().check(str(value)[1:]) if negative else super().check(value)


def _check_zip(country: Any, zip_code: Any, member: str) -> None:
    """Only US ZIP codes are looked up by Sage 100 (else CI_NOF)."""
    if country == "USA" and zip_code and not (_is_zip(zip_code) and "00501" <= zip_code[:5] <= "99950" and zip_code[:5] != "11111"):
        raise ValidationError("is no ZIP code on file: five digits from 00501 to 99950, or nine", member)


def _country() -> Text:
    return Text(3, pattern="[A-Z]{3}", shape="a country code of three capital letters")


def _orders(most: Lengths) -> Schema:
    class Line(WriteSchema):
        ItemCode = Text(30, 1, required=True)
        ItemCodeDesc = Text(30)
        WarehouseCode = Text(3, pattern="[0-9A-Z]{3}", shape="a warehouse code of three letters or digits")
        QuantityOrdered = Number(6, required=True)
        UnitPrice = Signed(6)
        LineDiscountPercent = Number(3)
        TaxClass = Text(2)
        AliasItemNo = Text(30)
        CommentText = Text(2048)

    class SalesOrder(WriteSchema):
        OrderDate = Text(8, pattern=DAY, shape="a day such as 20260302", required=True)
        OrderStatus = Text(1, among=ORDER_STATUSES, nullable=False)
        CancelReasonCode = Text(5)
        ARDivisionNo = Key(2, 1, required=True)
        CustomerNo = Key(20, 1, required=True)
        CustomerPONo = Text(most.order_number, 1, required=True)
        BillToName = Text(most.name)
        BillToAddress1 = Text(most.address)
        BillToAddress2 = Text(most.address)
        BillToAddress3 = Text(most.address)
        BillToCity = Text(most.city)
        BillToState = Text(2)
        BillToZipCode = Text(10)
        BillToCountryCode = _country()
        ShipToName = Text(most.name)
        ShipToAddress1 = Text(most.address)
        ShipToAddress2 = Text(most.address)
        ShipToAddress3 = Text(most.address)
        ShipToCity = Text(most.city)
        ShipToState = Text(2)
        ShipToZipCode = Text(10)
        ShipToCountryCode = _country()
        ShipVia = Text(15)
        WarehouseCode = Text(3, pattern="[0-9A-Z]{3}", shape="a warehouse code of three letters or digits")
        TermsCode = Text(2)
        TaxSchedule = Text(9)
        PaymentType = Text(5)
        OtherPaymentTypeRefNo = Text(24)
        EmailAddress = Text(250)
        ConfirmTo = Text(most.name)
        Comment = Text(30)
        FreightAmt = Number(2)
        SalesTaxAmt = Number(2)
        DiscountAmt = Number(2)
        DepositAmt = Number(2)
        Lines = Parts(Line, 999, 1, required=True)

        @validates_schema
        def check_zip_codes(self, data: dict[str, Any], **_options: Any) -> None:
            for which in ("ShipTo", "BillTo"):
                _check_zip(data.get(f"{which}CountryCode"), data.get(f"{which}ZipCode"), f"{which}ZipCode")

    return SalesOrder()


def _customers(most: Lengths) -> Schema:
    class Customer(WriteSchema):
        ARDivisionNo = Text(2, 2, pattern=r"\d{2}", shape="a division of two digits", required=True)
        CustomerName = Text(most.name, 1, required=True)
        AddressLine1 = Text(most.address)
        AddressLine2 = Text(most.address)
        AddressLine3 = Text(most.address)
        City = Text(most.city)
        State = Text(2)
        ZipCode = Text(10)
        CountryCode = _country()
        TelephoneNo = Text(most.telephone)
        TelephoneExt = Text(6)
        EmailAddress = Text(250)
        TaxSchedule = Text(9)
        TermsCode = Text(2)
        CustomerType = Text(4)
        SortField = Text(10)
        ResidentialAddress = Text(1, among=("Y", "N"))
        CreditLimit = Number(2)

        @validates_schema
        def check_zip_code(self, data: dict[str, Any], **_options: Any) -> None:
            _check_zip(data.get("CountryCode"), data.get("ZipCode"), "ZipCode")

    return Customer()


class Stamped(ReadSchema):
    DateUpdated = Text(8, pattern=DAY, shape="a day such as 20260302", required=True)
    TimeUpdated = Text(8, pattern=TIME, shape="a time in decimal hours such as 14.08583", required=True)


class OrderedLine(ReadSchema):
    LineKey = Text(6, pattern=r"\d{6}", shape="a line key of six digits", required=True)
    ItemCode = Text(30, 1, required=True)
    QuantityOrdered = Signed(6, required=True)
    QuantityShipped = Signed(6, required=True)


class SalesOrderState(Stamped):
    """Of a sales order, what tells how it stands."""

    SalesOrderNo = Text(7, 7, required=True)
    OrderStatus = Text(1, among=ORDER_STATUSES, required=True)
    CancelReasonCode = Text(5)
    CustomerPONo = Text(30)
    Lines = Parts(OrderedLine, 999, 1, required=True)


class ShippedLine(ReadSchema):
    OrderLineKey = Text(6, pattern=r"\d{6}", shape="a line key of six digits", required=True)
    ItemCode = Text(30, 1, required=True)
    QuantityShipped = Signed(6, required=True)


class Package(ReadSchema):
    PackageNo = Text(4, required=True)
    TrackingID = Text(30, 1, required=True)
    StarshipShipVia = Text(15)


class Shipment(Stamped):
    InvoiceNo = Text(7, 7, required=True)
    SalesOrderNo = Text(7, 7, required=True)
    CustomerPONo = Text(30)
    ShipDate = Text(8, pattern=DAY, shape="a day such as 20260302", required=True)
    ShipVia = Text(15)
    Lines = Parts(ShippedLine, 999, 1, required=True)
    Tracking = Parts(Package, 999, required=True)


class ItemWarehouse(Stamped):
    ItemCode = Text(30, 1, required=True)
    WarehouseCode = Text(3, 3, required=True)
    QuantityOnHand = Signed(6, required=True)
    QuantityOnSalesOrder = Signed(6, required=True)
    QuantityOnBackOrder = Signed(6, required=True)
    QuantityInShipping = Signed(6, required=True)


class Item(Stamped):
    ItemCode = Text(30, 1, required=True)
    ItemType = Text(1, among=("1", "3", "4", "5"), required=True)
    ItemCodeDesc = Text(30, required=True)
    CommentText = Text(2048)
    InactiveItem = Text(1, among=("Y", "N"), required=True)
    StandardUnitOfMeasure = Text(4, required=True)
    SalesUnitOfMeasure = Text(4)
    StandardUnitPrice = Signed(6, required=True)
    StandardUnitCost = Signed(6, required=True)
    SuggestedRetailPrice = Number(6)
    SalesPromotionPrice = Number(6)
    SaleStartingDate = Text(8, pattern=OPTIONAL_DAY, shape="a day such as 20260302, or empty")
    SaleEndingDate = Text(8, pattern=OPTIONAL_DAY, shape="a day such as 20260302, or empty")
    ShipWeight = Text(10)
    Category1 = Text(10)


class InvoiceLine(ReadSchema):
    DetailSeqNo = Text(6, pattern=r"\d{6}", shape="a line key of six digits", required=True)
    ItemCode = Text(30)
    ItemCodeDesc = Text(30)
    QuantityShipped = Signed(6)
    UnitPrice = Signed(6)
    ExtensionAmt = Signed(2, required=True)


class Invoice(Stamped):
    """One document of the invoice history; a number may come again with a higher sequence."""

    InvoiceNo = Text(7, 7, required=True)
    HeaderSeqNo = Text(6, pattern=r"\d{6}", shape="a sequence of six digits", required=True)
    InvoiceType = Text(2, among=("CM", "DM", "IN", "AD", "FC", "CA", "XD"), required=True)
    InvoiceDate = Text(8, pattern=DAY, shape="a day such as 20260302", required=True)
    InvoiceDueDate = Text(8, pattern=OPTIONAL_DAY, shape="a day such as 20260302, or empty")
    ARDivisionNo = Text(2, 2, required=True)
    CustomerNo = Text(20, 1, required=True)
    CustomerPONo = Text(30)
    SalesOrderNo = Text(7)
    ApplyToInvoiceNo = Text(7)
    TaxableSalesAmt = Signed(2, required=True)
    NonTaxableSalesAmt = Signed(2, required=True)
    FreightAmt = Signed(2, required=True)
    SalesTaxAmt = Signed(2, required=True)
    DiscountAmt = Signed(2, required=True)
    DepositAmt = Signed(2)
    Balance = Signed(2, required=True)
    Lines = Parts(InvoiceLine, 999, required=True)


READ: dict[str, Schema] = {
    "order_status": SalesOrderState(),
    "shipment": Shipment(),
    "stock": ItemWarehouse(),
    "product": Item(),
    "invoice": Invoice(),
}
"""By entity, what is read."""

WRITES: Mapping[str, Mapping[str, Schema]] = {
    profile: {"order": _orders(most), "customer": _customers(most)} for profile, most in PROFILES.items()
}
"""By profile and entity, what is written. The key of another record may still be a reference (`{"$key_of": "customer"}`)."""

WRITE: Mapping[str, Schema] = next(iter(WRITES.values()))

KNOWN_PATHS: Mapping[str, frozenset[str]] = {entity: paths(schema) for entity, schema in {**READ, **WRITE}.items()}
"""By entity, what a mapping may name."""
