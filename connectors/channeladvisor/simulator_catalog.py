"""Products, prices and listings of the simulated ChannelAdvisor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.channeladvisor.simulator_batches import FUTURE_MS, items_of, result
from connectors.channeladvisor.simulator_stock import Stock
from connectors.simulation.answers import Answer, Command, ControlError, Flaw, Record, Refusal, Request
from connectors.simulation.contract import Shape
from connectors.simulation.instants import to_ms
from connectors.simulation.money import units
from connectors.simulation.records import Records
from connectors.simulation.simulator import Handler, Simulator, by

FIRST_PRODUCT = 7_300_201
FIRST_LISTING = 70_011


class Catalog:
    """A product has one stock record, at most one price record, and one listing per site that is not Ended."""

    def __init__(self, system: Simulator, stock: Stock) -> None:
        self.products = Records(system.clock, "SKU", "UpdatedDate")
        self.prices = Records(system.clock, "SKU", "UpdatedDate", {"sku": lambda price: [price["SKU"]]})
        self.listings = Records(system.clock, "ListingID", "UpdatedDate", {"sku": lambda listing: [listing["SKU"]]})
        self._system = system
        self._stock = stock
        self._made = 0
        self._price = system.contract.operations["updatePrices"].split()
        self._product = _body(system, "createProduct")
        self._listing = _body(system, "createListing")
        self.handlers: Mapping[str, Handler] = {
            "listPrices": lambda request: system.listing(request, self.prices, by("sku")),
            "updatePrices": lambda request: Answer(200, {"Results": [self._set_price(item) for item in items_of(request)]}),
            "listProducts": lambda request: system.listing(request, self.products),
            "createProduct": self._create_product,
            "getProduct": lambda request: Answer(200, request.record),
            "replaceProduct": self._replace_product,
            "deleteProduct": self._delete_product,
            "listListings": lambda request: system.listing(request, self.listings, by("sku")),
            "createListing": self._create_listing,
            "getListing": lambda request: Answer(200, request.record),
            "updateListing": self._update_listing,
            "endListing": self._end_listing,
        }

    def place(self, command: Command) -> Any:
        """Control plane: `{"products": [a ProductWrite each]}`; creates those that are new."""
        body = command.body
        products = body.get("products")
        if not isinstance(products, list) or not all(self._product.holds(product) for product in products):
            raise ControlError('Send {"products": [a ProductWrite each]}.')
        return {"products": [self.store(product) for product in products if product["SKU"] not in self.products]}

    def _create_product(self, request: Request) -> Answer:
        if request.body["SKU"] in self.products:
            raise Refusal(409, "DuplicateSku", "There is a product with this SKU.")
        return Answer(201, self.store(request.body))

    def store(self, sent: Record) -> Record:
        """A new product, with its stock record."""
        self._made += 1
        product = {"ID": FIRST_PRODUCT + self._made - 1, **_full(self._product, sent), "CreatedDate": self._system.clock.text()}
        self.products.add(product, self._system.new_instant(self.products))
        self._stock.start(product["SKU"])
        return product

    def _replace_product(self, request: Request) -> Answer:
        product, sent = request.record, _full(self._product, request.body)
        self._must_equal(request, "SKU", "Currency")
        if any(product[name] != value for name, value in sent.items()):
            self.products.change(product, sent)
        return Answer(200, product)

    def _delete_product(self, request: Request) -> Answer:
        sku = request.record["SKU"]
        if any(listing["Status"] == "Active" for listing in self.listings.find("sku", sku)):
            raise Refusal(409, "ProductInUse", "A listing of this product is Active.")
        for records in (self.products, self._stock.records, self.prices):
            if sku in records:
                records.remove(sku)
        return Answer(204)

    def _set_price(self, item: Any) -> Record:
        if not self._price.holds(item):
            flaw = self._price.flaws(item)[0]
            return result(item, "invalid", f"{flaw.field}: {flaw.message}")
        product = self.products.get(item["SKU"])
        if product is None:
            return result(item, "unknown_sku", "No product has this SKU.")
        sent = _full(self._price, item)
        reason = _wrong_price(sent, product["Currency"], self._system.clock.now())
        if reason is not None:
            return result(item, "invalid", reason)
        stored = self.prices.get(item["SKU"])
        if stored is None:
            self.prices.add(sent, self._system.new_instant(self.prices))
        elif to_ms(sent["AsOf"]) < to_ms(stored["AsOf"]):
            return result(item, "stale", "A newer price was accepted before.")
        elif any(stored[name] != value for name, value in sent.items()):
            self.prices.change(stored, sent)
        return result(item, "accepted", None)

    def _create_listing(self, request: Request) -> Answer:
        sent = _full(self._listing, request.body)
        product = self.products.get(sent["SKU"])
        if product is None:
            raise Refusal(404, "NotFound", "No product has this SKU.")
        same_site = (listing for listing in self.listings.find("sku", sent["SKU"]) if listing["SiteName"] == sent["SiteName"])
        if any(listing["Status"] != "Ended" for listing in same_site):
            raise Refusal(409, "DuplicateListing", "This product has a listing on this site that is not Ended.")
        listing = {"ListingID": FIRST_LISTING + len(self.listings), **sent, "Currency": product["Currency"]}
        listing |= {"SiteListingID": None, "StatusMessage": None, "CreatedDate": self._system.clock.text()}
        return Answer(201, self.listings.add(listing, self._system.new_instant(self.listings)))

    def _update_listing(self, request: Request) -> Answer:
        listing, sent = request.record, _full(self._listing, request.body)
        self._must_equal(request, "SKU", "SiteName")
        if listing["Status"] == "Ended":
            raise Refusal(409, "InvalidStatusTransition", "An Ended listing cannot change.")
        if any(listing[name] != value for name, value in sent.items()):
            self.listings.change(listing, sent)
        return Answer(200, listing)

    def _end_listing(self, request: Request) -> Answer:
        if request.record["Status"] != "Ended":
            self.listings.change(request.record, {"Status": "Ended"})
        return Answer(204)

    def _must_equal(self, request: Request, *names: str) -> None:
        for name in names:
            if request.body[name] != request.record[name]:
                raise self._system.invalid(Flaw(name, "invalid_value", "Must equal the stored one."))


def _body(system: Simulator, operation: str) -> Shape:
    shape = system.contract.operations[operation].body
    assert shape is not None  # by the contract
    return shape


def _full(shape: Shape, sent: Record) -> Record:
    """Every member that may be written; the ones not sent are null."""
    return {name: sent.get(name) for name in shape.schema["properties"]}


def _wrong_price(price: Record, currency: str, now: int) -> str | None:
    """The rules of updatePrices beyond its schema."""
    if price["Currency"] != currency:
        return "Currency: Is not the product's."
    if to_ms(price["AsOf"]) > now + FUTURE_MS:
        return "AsOf: Is more than 5 minutes in the future."
    if price["MinPrice"] is not None and units(price["Price"]) < units(price["MinPrice"]):
        return "Price: Is below MinPrice."
    if price["MaxPrice"] is not None and units(price["Price"]) > units(price["MaxPrice"]):
        return "Price: Is above MaxPrice."
    promotion = [price["PromotionPrice"], price["PromotionStart"], price["PromotionEnd"]]
    if None in promotion and promotion != [None, None, None]:
        return "PromotionPrice: A promotion has price, start and end."
    if promotion[1] is not None and to_ms(promotion[2]) <= to_ms(promotion[1]):
        return "PromotionEnd: Is not after PromotionStart."
    return None
