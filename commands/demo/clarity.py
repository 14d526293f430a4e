"""Clarity as the demo's shop: what its customers and its staff do, and what it holds."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from decimal import Decimal

from commands.demo.sale import Address, Sale, Site, Status
from commands.demo.sides import Ordered, Parcel, Raw, State, Stored, Storefront
from integration import clock

STATUSES: Mapping[Status, str] = {"pending": "Processing", "on_hold": "OnHold", "shipped": "Shipped", "cancelled": "Void"}
LONGEST_LINE = 100
ON_ACCOUNT = Site("Clarity", "Invoice", "PO-{:05d}")


class Clarity:
    """It allows 300 requests a minute, of which an order costs six to nine with its parcel and the quantities that it moves."""

    system = "clarity"
    credentials: Mapping[str, str] = {"client_id": "demo-client", "client_secret": "demo-client-secret", "api_key": "demo-api-key"}
    every = 4.0
    late = 60.0
    most = 0.5
    sites: Sequence[Site] = (
        Site("Clarity", "Stripe", "pi_{:08d}"),
        Site("Clarity", "PayPal", "PAYID-{:08d}"),
        Site("Clarity", "AuthorizeNet", "6{:010d}"),
        Site("Clarity", "Stripe", "pi_{:08d}"),
        Site("Clarity", "PayPal", "PAYID-{:08d}"),
        ON_ACCOUNT,
    )
    shipping: Sequence[tuple[str | None, Decimal]] = (
        ("ups-ground", Decimal("6.99")),
        ("ups-ground", Decimal("4.99")),
        ("ups-2day", Decimal("14.99")),
        ("fedex-overnight", Decimal("29.99")),
        ("usps-priority", Decimal("8.49")),
        ("pickup", Decimal("0.00")),
    )
    paid: Sequence[str] = ("Captured", "Captured", "Captured", "Captured", "Captured", "Authorized")
    guests = False

    def order(self, sale: Sale) -> Raw:
        buyer = sale.buyer
        made = {
            "status": STATUSES[sale.status or "pending"],
            "placedAt": clock.text(sale.ordered_at),
            "currency": sale.currency,
            "customer": {"email": buyer.email, "firstName": buyer.first_name, "lastName": buyer.last_name, "phone": buyer.phone},
            "shippingAddress": _address(sale.ship_to),
            "billingAddress": _address(sale.bill_to) if sale.bill_to else None,
            "shippingMethod": sale.method,
            "shippingAmount": float(sale.shipping),
            "total": float(sale.total),
            "items": [
                {
                    "sku": line.sku,
                    "name": line.title,
                    "quantity": line.quantity,
                    "unitPrice": float(line.unit_price),
                    "taxAmount": float(line.tax),
                    "discountAmount": float(line.discount),
                }
                for line in sale.lines
            ],
        }
        if sale.paid is None or sale.site.payment == ON_ACCOUNT.payment:
            return {**made, "payments": [{"gateway": ON_ACCOUNT.payment}], "customerPoNumber": ON_ACCOUNT.number.format(sale.number)}
        number = sale.site.number.format(sale.number)
        captured = made["placedAt"] if sale.paid == "Captured" else None
        payment = {"gateway": sale.site.payment, "transactionId": number, "status": sale.paid, "capturedAt": captured}
        return {**made, "payments": [payment]}

    def change(self, later: Status | Address) -> Raw:
        return {"shippingAddress": _address(later)} if isinstance(later, Address) else {"status": STATUSES[later]}

    def placed(self, stored: State) -> Stored:
        return Stored(str(stored["id"]), stored["orderNumber"], clock.instant(stored["updatedAt"]))

    def storefront(self, state: State) -> Storefront:
        parcels = [
            Parcel(one["externalShipmentId"], str(one["orderId"]), one["trackingNumber"], sum(line["quantity"] for line in one["items"]))
            for one in state["shipments"]
        ]
        shown = {one["sku"]: one["totalQuantity"] for one in state["inventory"]}
        return Storefront([_ordered(one) for one in state["orders"]], parcels, shown)


def _ordered(one: State) -> Ordered:
    over = one["status"] in ("Void", "Shipped", "Completed")
    awaited = () if over else tuple((line["sku"], line["quantity"] - line["quantityShipped"]) for line in one["items"])
    return Ordered(str(one["id"]), one["orderNumber"], one["erpOrderNumber"] is not None, one["status"] == "Void", awaited)


def _address(address: Address) -> Raw:
    """A street that is longer than a line goes on in the next."""
    street = textwrap.wrap(address.line1, LONGEST_LINE)
    lines = [*street, *([address.line2] if address.line2 else [])]
    return {
        "firstName": address.first_name,
        "lastName": address.last_name,
        **{f"line{number}": text for number, text in enumerate(lines, 1)},
        "city": address.city,
        "region": address.region,
        "postalCode": address.postal_code,
        "country": address.country,
    }
