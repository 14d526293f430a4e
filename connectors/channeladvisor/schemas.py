"""What ChannelAdvisor answers and this product reads, as its contract says it."""

from __future__ import annotations

from collections.abc import Mapping

from marshmallow import Schema

from integration.schema import Email, Flag, Instant, MoneyText, Number, Part, Parts, ReadSchema, Text, Whole, WriteSchema, paths

ORDER_STATUSES = ("New", "Pending", "OnHold", "Shipped", "Cancelled")
PAYMENT_STATUSES = ("NotYetSubmitted", "Submitted", "Cleared", "Deposited", "Failed")
FULFILLMENT_STATUSES = ("Unshipped", "PendingShipment", "PartiallyShipped", "Shipped", "Canceled", "ThirdPartyManaged")


class CustomerInfo(ReadSchema):
    FirstName = Text(100)
    LastName = Text(100)
    Email = Email(0)  # an empty one is as good as none; it costs no order
    Phone = Text(40)


class Address(ReadSchema):
    FirstName = Text(100)
    LastName = Text(100)
    CompanyName = Text(100)
    AddressLine1 = Text(200, 1, required=True)
    AddressLine2 = Text(200)
    City = Text(100, 1, required=True)
    StateOrProvince = Text(100)
    PostalCode = Text(20)
    # The contract promises alpha-2, but what a buyer's country is becomes clear in the mapping, which also knows "UK" and names.
    Country = Text(100, 1, required=True)
    DaytimePhone = Text(40)


class OrderItem(ReadSchema):
    OrderItemID = Whole(1, 2**63 - 1, required=True)
    SKU = Text(100, 1, pattern=r"\S(.*\S)?", shape="a SKU without spaces around it", required=True)
    Title = Text(500)
    Quantity = Whole(1, 100_000, required=True)
    UnitPrice = MoneyText(required=True)
    TaxAmount = MoneyText(required=True)
    DiscountAmount = MoneyText(required=True)
    ShippingAmount = MoneyText(required=True)
    QuantityShipped = Whole(0, 100_000, required=True)


class Promotion(ReadSchema):
    Code = Text(100, required=True)
    Amount = MoneyText(required=True)
    ShippingAmount = MoneyText(required=True)


class Order(ReadSchema):
    ChannelAdvisorOrderID = Whole(1, 2**63 - 1, required=True)
    OrderID = Text(50, 1, required=True)
    SiteName = Text(100, 1, required=True)
    SellerOrderID = Text(50)
    OrderStatus = Text(20, among=ORDER_STATUSES, required=True)
    PaymentStatus = Text(20, among=PAYMENT_STATUSES, required=True)
    FulfillmentStatus = Text(20, among=FULFILLMENT_STATUSES, required=True)
    OrderDate = Instant(required=True)
    CreatedDate = Instant(required=True)
    UpdatedDate = Instant(required=True)
    Currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters", required=True)
    CustomerInfo = Part(CustomerInfo, required=True)
    ShippingAddress = Part(Address, required=True)
    BillingAddress = Part(Address)
    TotalAmount = MoneyText(required=True)
    ShippingMethod = Text(100)
    PaymentMethod = Text(50)
    Promotions = Parts(Promotion, 50)
    Exported = Flag(required=True)
    Items = Parts(OrderItem, 200, 1, required=True)


class ShipmentItem(WriteSchema):
    OrderItemID = Whole(1, 2**63 - 1, required=True)
    SKU = Text(100, 1, required=True)
    Quantity = Whole(1, 100_000, required=True)


class ShipmentCreate(WriteSchema):
    ChannelAdvisorOrderID = Whole(1, 2**63 - 1, required=True)
    SellerShipmentID = Text(50, 1, required=True)
    ShippingCarrier = Text(50, 1, required=True)
    ShippingClass = Text(50)
    TrackingNumber = Text(50)
    ShippedDate = Instant(required=True)
    DistributionCenterID = Whole(0, 99_999)
    Items = Parts(ShipmentItem, 200, 1, required=True)


class OrderUpdate(WriteSchema):
    OrderStatus = Text(20, among=ORDER_STATUSES, nullable=False)
    SellerOrderID = Text(50)


class InventoryUpdate(WriteSchema):
    SKU = Text(100, 1, pattern=r"\S(.*\S)?", shape="a SKU without spaces around it", required=True)
    DistributionCenterID = Whole(0, 99_999, required=True)
    Quantity = Whole(0, 1_000_000, required=True)
    AsOf = Instant(required=True)


class ProductWrite(WriteSchema):
    SKU = Text(100, 1, pattern=r"\S(.*\S)?", shape="a SKU without spaces around it", required=True)
    Title = Text(500, 1, required=True)
    Currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters", required=True)
    Description = Text(20_000)
    Brand = Text(150)
    Manufacturer = Text(150)
    MPN = Text(100)
    UPC = Text(20)
    Weight = Number(6)
    Cost = MoneyText()
    RetailPrice = MoneyText()


WRITE: dict[str, Schema] = {
    "shipment": ShipmentCreate(),
    "order_status": OrderUpdate(),
    "stock": InventoryUpdate(),
    "product": ProductWrite(),
}
"""By entity, what is written."""

READ: Mapping[str, Schema] = {"order": Order()}
"""By entity, what is read."""

KNOWN_PATHS: Mapping[str, frozenset[str]] = {entity: paths(schema) for entity, schema in {**READ, **WRITE}.items()}
"""By entity, what a mapping may name."""
