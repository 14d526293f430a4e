"""What Clarity answers and this product reads, and what it is sent, as its contract says it."""

from __future__ import annotations

from collections.abc import Mapping

from marshmallow import Schema

from integration.schema import Email, Flag, Instant, Number, Part, Parts, ReadSchema, Text, Whole, WriteSchema, paths

ORDER_STATUSES = ("Pending", "Processing", "Shipped", "Completed", "OnHold", "Void")
GATEWAYS = ("Stripe", "PayPal", "AuthorizeNet", "Invoice")
PAYMENT_STATUSES = ("Pending", "Authorized", "Captured", "Refunded", "Failed")
SKU = r"\S(.*\S)?"
SHAPE = "a SKU without spaces around it"


class Address(ReadSchema):
    firstName = Text(60)
    lastName = Text(60)
    company = Text(100)
    line1 = Text(100, 1, required=True)
    line2 = Text(100)
    line3 = Text(100)
    city = Text(60, 1, required=True)
    region = Text(60)
    postalCode = Text(20)
    country = Text(60, 1, required=True)
    phone = Text(30)


class OrderCustomer(ReadSchema):
    id = Whole(1, 2**63 - 1)
    email = Email(0)  # an empty one is as good as none; it costs no order
    firstName = Text(60)
    lastName = Text(60)
    companyName = Text(100)
    phone = Text(30)
    erpCustomerNumber = Text(30)


class OrderItem(ReadSchema):
    lineId = Whole(1, 10_000, required=True)
    sku = Text(64, 1, pattern=SKU, shape=SHAPE, required=True)
    name = Text(255)
    quantity = Whole(1, 100_000, required=True)
    unitPrice = Number(required=True)
    taxAmount = Number(required=True)
    discountAmount = Number(required=True)
    quantityShipped = Whole(0, 100_000, required=True)


class Payment(ReadSchema):
    paymentId = Whole(1, 2**63 - 1, required=True)
    gateway = Text(30, among=GATEWAYS, required=True)
    transactionId = Text(64)
    status = Text(20, among=PAYMENT_STATUSES, required=True)
    amount = Number(required=True)
    refundedAmount = Number(required=True)
    capturedAt = Instant()


class Order(ReadSchema):
    id = Whole(1, 2**63 - 1, required=True)
    orderNumber = Text(14, 1, required=True)
    status = Text(20, among=ORDER_STATUSES, required=True)
    placedAt = Instant(required=True)
    updatedAt = Instant(required=True)
    version = Whole(1, 2**63 - 1, required=True)
    currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters", required=True)
    customer = Part(OrderCustomer, required=True)
    customerPoNumber = Text(50)
    erpOrderNumber = Text(30)
    shippingMethod = Text(40)
    shippingAddress = Part(Address, required=True)
    billingAddress = Part(Address)
    items = Parts(OrderItem, 500, 1, required=True)
    payments = Parts(Payment, 20, required=True)
    subtotal = Number(required=True)
    discountAmount = Number(required=True)
    shippingAmount = Number(required=True)
    taxAmount = Number(required=True)
    total = Number(required=True)
    notes = Text(2000)


class OrderUpdate(WriteSchema):
    status = Text(20, among=ORDER_STATUSES, nullable=False)
    erpOrderNumber = Text(30)
    statusMessage = Text(500)


class ShipmentItem(WriteSchema):
    lineId = Whole(1, 10_000, required=True)
    sku = Text(64, 1, required=True)
    quantity = Whole(1, 100_000, required=True)


class ShipmentCreate(WriteSchema):
    externalShipmentId = Text(40, 1, required=True)
    orderId = Whole(1, 2**63 - 1, required=True)
    carrier = Text(50, 1, required=True)
    service = Text(50)
    trackingNumber = Text(50)
    shippedAt = Instant(required=True)
    notifyCustomer = Flag()
    items = Parts(ShipmentItem, 500, 1, required=True)


class ProductWrite(WriteSchema):
    sku = Text(64, 1, pattern=SKU, shape=SHAPE, required=True)
    name = Text(255, 1, required=True)
    description = Text(20_000)
    price = Number(required=True)
    cost = Number()
    currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters", required=True)
    status = Text(10, among=("Active", "Inactive", "Archived"), required=True)
    weight = Number(6)
    barcode = Text(20)


class InvoiceState(WriteSchema):
    """What the invoices of an order say on the order itself."""

    status = Text(20, among=ORDER_STATUSES, nullable=False)
    statusMessage = Text(500)


class Product(ReadSchema):
    sku = Text(64, 1, required=True)
    name = Text(255, 1, required=True)
    description = Text(20_000)
    price = Number(required=True)
    cost = Number()
    currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters", required=True)
    status = Text(10, among=("Active", "Inactive", "Archived"), required=True)
    weight = Number(6)
    barcode = Text(20)
    updatedAt = Instant(required=True)


class InventoryUpdate(WriteSchema):
    sku = Text(64, 1, pattern=SKU, shape=SHAPE, required=True)
    warehouseCode = Text(10, pattern="[A-Z0-9]{1,10}", shape="a code of capital letters and digits", required=True)
    quantity = Whole(0, 1_000_000, required=True)
    asOf = Instant(required=True)


WRITE: dict[str, Schema] = {
    "shipment": ShipmentCreate(),
    "order_status": OrderUpdate(),
    "stock": InventoryUpdate(),
    "product": ProductWrite(),
    "invoice": InvoiceState(),
}
"""By entity, what is written."""

READ: Mapping[str, Schema] = {"order": Order(), "product": Product()}
"""By entity, what is read."""

KNOWN_PATHS: Mapping[str, frozenset[str]] = {entity: paths(schema) for entity, schema in {**READ, **WRITE}.items()}
"""By entity, what a mapping may name."""
