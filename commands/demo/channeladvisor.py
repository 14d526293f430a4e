"""ChannelAdvisor as the demo's shop: what buyers do on its marketplaces, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from commands.demo.sale import Address, Line, Person, Sale, Site, Status
from commands.demo.sides import Ordered, Parcel, Raw, State, Stored, Storefront
from integration import clock

STATUSES: Mapping[Status, str] = {"pending": "Pending", "on_hold": "OnHold", "shipped": "Shipped", "cancelled": "Cancelled"}


class ChannelAdvisor:
    system = "channeladvisor"
    credentials: Mapping[str, str] = {
        "application_id": "demo-application",
        "shared_secret": "demo-shared-secret",
        "refresh_token": "demo-refresh-token",
    }
    every = 1.0
    late = 16 * 60.0
    most = 4.0
    sites: Sequence[Site] = (
        Site("Amazon Seller Central - US", "Amazon", "113-{:07d}-1234567"),
        Site("eBay Fixed Price US", "PayPal", "12-{:05d}-88012"),
        Site("Walmart Marketplace", "WalmartPay", "2000{:011d}"),
        Site("Shop", "Visa", "WEB-{:06d}"),
    )
    shipping: Sequence[tuple[str | None, Decimal]] = (
        ("Standard", Decimal("4.99")),
        ("Standard Shipping", Decimal("6.99")),
        ("Expedited", Decimal("12.99")),
        ("Two Day Shipping", Decimal("14.99")),
        ("Free Economy", Decimal("0.00")),
        (None, Decimal("5.49")),
    )
    paid: Sequence[str] = ("Cleared", "Cleared", "Deposited", "Submitted")
    guests = True

    def order(self, sale: Sale) -> Raw:
        discount = str(sale.lines[0].discount)
        made = {
            "SiteName": sale.site.name,
            "OrderID": sale.site.number.format(sale.number),
            "OrderDate": clock.text(sale.ordered_at),
            "Currency": sale.currency,
            "PaymentStatus": sale.paid or "NotYetSubmitted",
            "CustomerInfo": _person(sale.buyer),
            "ShippingAddress": _address(sale.ship_to),
            "BillingAddress": _address(sale.bill_to) if sale.bill_to else None,
            "TotalAmount": str(sale.total),
            "ShippingMethod": sale.method,
            "PaymentMethod": sale.site.payment,
            "Promotions": [{"Code": sale.promotion, "Amount": discount, "ShippingAmount": "0.00"}] if sale.promotion else None,
            "Items": [_line(line, Decimal("0.00") if place else sale.shipping) for place, line in enumerate(sale.lines)],
        }
        return {**made, **self.change(sale.status)} if sale.status else made

    def change(self, later: Status | Address) -> Raw:
        return {"ShippingAddress": _address(later)} if isinstance(later, Address) else {"OrderStatus": STATUSES[later]}

    def placed(self, stored: State) -> Stored:
        return Stored(str(stored["ChannelAdvisorOrderID"]), stored["OrderID"], clock.instant(stored["CreatedDate"]))

    def storefront(self, state: State) -> Storefront:
        parcels = [
            Parcel(
                one["SellerShipmentID"],
                str(one["ChannelAdvisorOrderID"]),
                one["TrackingNumber"],
                sum(line["Quantity"] for line in one["Items"]),
            )
            for one in state["shipments"]
        ]
        shown = {one["SKU"]: one["TotalAvailableQuantity"] for one in state["inventory"]}
        return Storefront([_ordered(one) for one in state["orders"]], parcels, shown)


def _ordered(one: State) -> Ordered:
    over = one["OrderStatus"] in ("Cancelled", "Shipped")
    awaited = () if over else tuple((line["SKU"], line["Quantity"] - line["QuantityShipped"]) for line in one["Items"])
    return Ordered(str(one["ChannelAdvisorOrderID"]), one["OrderID"], one["Exported"], one["OrderStatus"] == "Cancelled", awaited)


def _line(line: Line, shipping: Decimal) -> Raw:
    return {
        "SKU": line.sku,
        "Title": line.title,
        "Quantity": line.quantity,
        "UnitPrice": str(line.unit_price),
        "TaxAmount": str(line.tax),
        "DiscountAmount": str(line.discount),
        "ShippingAmount": str(shipping),
    }


def _person(person: Person) -> Raw:
    return {"FirstName": person.first_name, "LastName": person.last_name, "Email": person.email, "Phone": person.phone}


def _address(address: Address) -> Raw:
    return {
        "FirstName": address.first_name,
        "LastName": address.last_name,
        "AddressLine1": address.line1,
        "AddressLine2": address.line2,
        "City": address.city,
        "StateOrProvince": address.region,
        "PostalCode": address.postal_code,
        "Country": address.country,
    }
