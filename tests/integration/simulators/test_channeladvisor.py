"""The simulated ChannelAdvisor keeps the rules of its contract: orders, stock, prices, catalog, shipments, returns, payouts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest


def order(ca: Any, number: str = "1", **changes: Any) -> Any:
    return ca.ok("createOrder", body=ca.example("createOrder", OrderID=number, **changes))


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def product(ca: Any, sku: str = "NEW-1") -> Any:
    return ca.ok("createProduct", body=ca.example("createProduct", SKU=sku))


def stock(ca: Any, *quantities: tuple[int, int], sku: str = "LAMP-001", as_of: str = "2026-03-02T14:05:00Z") -> list[str]:
    items = [{"SKU": sku, "DistributionCenterID": center, "Quantity": units, "AsOf": as_of} for center, units in quantities]
    return [each["Status"] for each in ca.ok("updateInventory", body={"Items": items})["Results"]]


def centers(ca: Any, sku: str = "LAMP-001") -> list[int]:
    return [each["Quantity"] for each in ca.ok("getInventory", sku)["DCQuantities"]]


class TestOrders:
    def test_a_new_order_is_complete_and_listed(self, channeladvisor):
        made = order(channeladvisor)
        assert made["ChannelAdvisorOrderID"] > 2**32
        assert (made["OrderStatus"], made["FulfillmentStatus"], made["Exported"]) == ("New", "Unshipped", False)
        assert channeladvisor.ok("listOrders")["value"] == [made]
        assert channeladvisor.ok("getOrder", made["ChannelAdvisorOrderID"]) == made

    def test_wrong_total_and_second_order_of_a_site(self, channeladvisor):
        wrong = channeladvisor.call("createOrder", body=channeladvisor.example("createOrder", TotalAmount="54.21"))
        assert error(wrong) == (400, "TotalMismatch")
        made = order(channeladvisor)
        twice = channeladvisor.call("createOrder", body=channeladvisor.example("createOrder", OrderID="1"))
        assert error(twice) == (409, "DuplicateOrder")
        assert twice.json()["error"]["details"][0] == {"target": "ChannelAdvisorOrderID", "message": str(made["ChannelAdvisorOrderID"])}
        order(channeladvisor, "1", SiteName="Another site")

    def test_export_is_idempotent_and_does_not_move_the_order(self, channeladvisor):
        made = order(channeladvisor)
        assert channeladvisor.call("exportOrder", made["ChannelAdvisorOrderID"]).status_code == 204
        assert channeladvisor.call("exportOrder", made["ChannelAdvisorOrderID"]).status_code == 204
        assert channeladvisor.ok("getOrder", made["ChannelAdvisorOrderID"]) == {**made, "Exported": True}
        assert channeladvisor.ok("listOrders", exported="false")["value"] == []
        assert len(channeladvisor.ok("listOrders", exported="true")["value"]) == 1

    @pytest.mark.parametrize(
        ("moves", "last"),
        [
            (["Pending", "OnHold", "Pending", "Cancelled"], 200),
            (["Pending", "Shipped"], 200),
            (["Cancelled", "Pending"], 409),
            (["Shipped", "Cancelled"], 409),
            (["OnHold", "Shipped"], 409),
            (["Pending", "New"], 409),
        ],
    )
    def test_status_moves(self, channeladvisor, moves, last):
        key = order(channeladvisor)["ChannelAdvisorOrderID"]
        answers = [channeladvisor.call("updateOrder", key, {"OrderStatus": status}).status_code for status in moves]
        assert answers == [200] * (len(moves) - 1) + [last]

    def test_the_present_status_is_no_change(self, channeladvisor):
        made = order(channeladvisor)
        assert channeladvisor.ok("updateOrder", made["ChannelAdvisorOrderID"], {"OrderStatus": "New"}) == made
        moved = channeladvisor.ok("updateOrder", made["ChannelAdvisorOrderID"], {"SellerOrderID": "SO-1"})
        assert moved["UpdatedDate"] > made["UpdatedDate"]

    def test_created_window_and_updated_since(self, channeladvisor):
        day = "2026-03-0{}T00:00:00Z"
        placed = [
            channeladvisor.example("createOrder", OrderID=str(number), CreatedDate=day.format(number), UpdatedDate=day.format(number))
            for number in (1, 2, 3)
        ]
        channeladvisor.world.place(placed)

        def listed(**query: str) -> list[str]:
            return [each["OrderID"] for each in channeladvisor.ok("listOrders", **query)["value"]]

        assert listed(createdSince=day.format(2)) == ["2", "3"]
        assert listed(createdSince=day.format(1), createdUntil=day.format(3)) == ["1", "2"]
        assert listed(updatedSince="2026-03-02T00:00:00.000Z") == ["2", "3"]
        assert listed(updatedSince="2026-03-02T00:00:00.001Z") == ["3"]

    def test_shipped_without_shipments_fills_the_lines(self, channeladvisor):
        key = order(channeladvisor)["ChannelAdvisorOrderID"]
        shipped = channeladvisor.ok("updateOrder", key, {"OrderStatus": "Shipped"})
        assert (shipped["FulfillmentStatus"], shipped["Items"][0]["QuantityShipped"]) == ("Shipped", 2)

    def test_the_world_places_bad_orders_and_edits(self, channeladvisor):
        bad = channeladvisor.example("createOrder", TotalAmount="1.00")
        with pytest.raises(AssertionError, match=r"orders\[0\].TotalAmount"):
            channeladvisor.world.place([bad])
        del bad["ShippingAddress"]
        placed = channeladvisor.world.place([bad], check=False)[0]
        assert channeladvisor.ok("listOrders")["value"] == [placed]
        channeladvisor.world.change(placed["ChannelAdvisorOrderID"], OrderStatus="Cancelled", PaymentStatus="Failed")
        now = channeladvisor.ok("getOrder", placed["ChannelAdvisorOrderID"])
        assert (now["OrderStatus"], now["FulfillmentStatus"], now["PaymentStatus"]) == ("Cancelled", "Canceled", "Failed")
        assert now["UpdatedDate"] > placed["UpdatedDate"]
        channeladvisor.world.change(placed["ChannelAdvisorOrderID"], UpdatedDate="2026-01-01T00:00:00Z")
        assert channeladvisor.ok("getOrder", placed["ChannelAdvisorOrderID"])["UpdatedDate"] == "2026-01-01T00:00:00.000Z"


class TestInventory:
    def test_a_new_product_has_a_stock_record_without_quantities(self, channeladvisor):
        order(channeladvisor, Items=[{**channeladvisor.example("createOrder")["Items"][0], "SKU": "NEW-1"}])
        product(channeladvisor)
        record = channeladvisor.ok("getInventory", "NEW-1")
        assert (record["TotalAvailableQuantity"], record["PendingShipmentQuantity"], record["DCQuantities"]) == (None, 2, [])

    def test_orders_take_units_and_cancellations_give_them_back(self, channeladvisor):
        assert stock(channeladvisor, (7, 5), (0, 1)) == ["accepted", "accepted"]
        key = order(channeladvisor)["ChannelAdvisorOrderID"]
        assert centers(channeladvisor) == [0, 4]
        record = channeladvisor.ok("getInventory", "LAMP-001")
        assert (record["TotalAvailableQuantity"], record["PendingShipmentQuantity"]) == (4, 2)
        channeladvisor.ok("updateOrder", key, {"OrderStatus": "Cancelled"})
        assert centers(channeladvisor) == [2, 4]
        assert channeladvisor.ok("getInventory", "LAMP-001")["PendingShipmentQuantity"] == 0

    def test_quantities_never_go_below_zero(self, channeladvisor):
        stock(channeladvisor, (0, 1))
        order(channeladvisor)
        assert centers(channeladvisor) == [0]

    def test_each_item_of_a_batch_has_its_own_result(self, channeladvisor):
        assert stock(channeladvisor, (0, 10), as_of="2026-03-02T14:05:00Z") == ["accepted"]
        assert stock(channeladvisor, (0, 11), as_of="2026-03-02T14:05:00.000Z") == ["accepted"]
        assert stock(channeladvisor, (0, 12), as_of="2026-03-02T14:04:59.999Z") == ["stale"]
        assert stock(channeladvisor, (0, 1), sku="lamp-001") == ["unknown_sku"]
        future = (datetime.now(UTC) + timedelta(minutes=6)).isoformat(timespec="seconds").replace("+00:00", "Z")
        assert stock(channeladvisor, (0, 1), as_of=future) == ["invalid"]
        items = [{"SKU": "LAMP-001", "Quantity": -1, "Extra": 1}, "nonsense", {"SKU": 7}]
        results = channeladvisor.ok("updateInventory", body={"Items": items})["Results"]
        assert [(each["SKU"], each["Status"]) for each in results] == [("LAMP-001", "invalid"), (None, "invalid"), (None, "invalid")]
        assert centers(channeladvisor) == [11]

    @pytest.mark.parametrize("operation", ["updateInventory", "updatePrices"])
    def test_batch_sizes(self, channeladvisor, operation):
        assert error(channeladvisor.call(operation, body={"Items": []})) == (400, "BatchTooLarge")
        assert error(channeladvisor.call(operation, body={"Items": [{}] * 101})) == (400, "BatchTooLarge")
        assert error(channeladvisor.call(operation, body={"Items": 1})) == (400, "InvalidRequest")


class TestCatalog:
    def test_product_life(self, channeladvisor):
        made = product(channeladvisor)
        assert error(channeladvisor.call("createProduct", body=channeladvisor.example("createProduct", SKU="NEW-1"))) == (
            409,
            "DuplicateSku",
        )
        same = channeladvisor.example("replaceProduct", SKU="NEW-1")
        assert channeladvisor.ok("replaceProduct", "NEW-1", same) == made
        less = channeladvisor.ok("replaceProduct", "NEW-1", {"SKU": "NEW-1", "Title": "T", "Currency": "USD"})
        assert less["Brand"] is None
        assert less["UpdatedDate"] > made["UpdatedDate"]
        assert error(channeladvisor.call("replaceProduct", "NEW-1", {**same, "Currency": "EUR"})) == (400, "InvalidRequest")
        listing = channeladvisor.ok("createListing", body=channeladvisor.example("createListing", SKU="NEW-1"))
        assert error(channeladvisor.call("deleteProduct", "NEW-1")) == (409, "ProductInUse")
        channeladvisor.ok("endListing", listing["ListingID"])
        assert channeladvisor.call("deleteProduct", "NEW-1").status_code == 204
        for operation in ("getProduct", "getInventory", "deleteProduct"):
            assert error(channeladvisor.call(operation, "NEW-1")) == (404, "NotFound")

    def test_listing_life(self, channeladvisor):
        body = channeladvisor.example("createListing")
        assert error(channeladvisor.call("createListing", body={**body, "SKU": "NO-SUCH"})) == (404, "NotFound")
        made = channeladvisor.ok("createListing", body=body)
        assert error(channeladvisor.call("createListing", body=body)) == (409, "DuplicateListing")
        assert channeladvisor.ok("updateListing", made["ListingID"], {**body, "Price": "25.00"})["Price"] == "25.00"
        assert error(channeladvisor.call("updateListing", made["ListingID"], {**body, "SiteName": "X"})) == (400, "InvalidRequest")
        assert [channeladvisor.call("endListing", made["ListingID"]).status_code for _ in range(2)] == [204, 204]
        assert channeladvisor.ok("getListing", made["ListingID"])["Status"] == "Ended"
        assert error(channeladvisor.call("updateListing", made["ListingID"], body)) == (409, "InvalidStatusTransition")
        again = channeladvisor.ok("createListing", body=body)
        assert [each["ListingID"] for each in channeladvisor.ok("listListings", sku="LAMP-001")["value"]] == [
            made["ListingID"],
            again["ListingID"],
        ]

    @pytest.mark.parametrize(
        ("changes", "result"),
        [
            ({}, "accepted"),
            ({"Price": "19.99"}, "invalid"),
            ({"Price": "35.01"}, "invalid"),
            ({"PromotionStart": None}, "invalid"),
            ({"PromotionEnd": "2026-03-10T00:00:00Z"}, "invalid"),
            ({"Currency": "EUR"}, "invalid"),
            ({"Price": 24}, "invalid"),
            ({"SKU": "NO-SUCH"}, "unknown_sku"),
        ],
    )
    def test_prices(self, channeladvisor, changes, result):
        item = {**channeladvisor.example("updatePrices")["Items"][0], **changes}
        assert channeladvisor.ok("updatePrices", body={"Items": [item]})["Results"][0]["Status"] == result
        assert len(channeladvisor.ok("listPrices", sku="LAMP-001")["value"]) == (result == "accepted")

    def test_a_price_update_sets_what_it_does_not_name_to_null(self, channeladvisor):
        full = channeladvisor.example("updatePrices")["Items"][0]
        short = {name: full[name] for name in ("SKU", "Currency", "Price", "AsOf")}
        older = {**short, "AsOf": "2026-03-02T14:04:59Z"}
        for item, result in ((full, "accepted"), (short, "accepted"), (older, "stale")):
            assert channeladvisor.ok("updatePrices", body={"Items": [item]})["Results"][0]["Status"] == result
        assert channeladvisor.ok("listPrices")["value"][0]["MinPrice"] is None


class TestShipments:
    def shipment(self, ca: Any, made: Any, number: str, units: int, **changes: Any) -> Any:
        item = {"OrderItemID": made["Items"][0]["OrderItemID"], "SKU": "LAMP-001", "Quantity": units}
        sent = {"ChannelAdvisorOrderID": made["ChannelAdvisorOrderID"], "SellerShipmentID": number, "Items": [item], **changes}
        return ca.call("createShipment", body=ca.example("createShipment", **sent))

    def test_partial_and_whole(self, channeladvisor):
        made = order(channeladvisor)
        key = made["ChannelAdvisorOrderID"]
        assert self.shipment(channeladvisor, made, "S1", 1).status_code == 201
        now = channeladvisor.ok("getOrder", key)
        assert (now["OrderStatus"], now["FulfillmentStatus"]) == ("Pending", "PartiallyShipped")
        assert error(self.shipment(channeladvisor, made, "S2", 2)) == (400, "QuantityExceedsOrdered")
        assert self.shipment(channeladvisor, made, "S2", 1).status_code == 201
        now = channeladvisor.ok("getOrder", key)
        assert (now["OrderStatus"], now["FulfillmentStatus"], now["Items"][0]["QuantityShipped"]) == ("Shipped", "Shipped", 2)
        assert len(channeladvisor.ok("listShipments", orderId=key)["value"]) == 2

    def test_a_repeat_changes_nothing(self, channeladvisor):
        made = order(channeladvisor)
        first = self.shipment(channeladvisor, made, "S1", 2)
        again = self.shipment(channeladvisor, made, "S1", 2)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json()
        assert error(self.shipment(channeladvisor, made, "S1", 2, TrackingNumber="other")) == (409, "ShipmentConflict")

    def test_what_cannot_ship(self, channeladvisor):
        made = order(channeladvisor)
        key = made["ChannelAdvisorOrderID"]
        assert error(self.shipment(channeladvisor, {**made, "ChannelAdvisorOrderID": 1}, "S1", 1)) == (404, "NotFound")
        other = [{"OrderItemID": made["Items"][0]["OrderItemID"], "SKU": "LAMP-002", "Quantity": 1}]
        assert error(self.shipment(channeladvisor, made, "S1", 1, Items=other)) == (400, "InvalidRequest")
        channeladvisor.ok("updateOrder", key, {"OrderStatus": "OnHold"})
        assert error(self.shipment(channeladvisor, made, "S1", 1)) == (409, "InvalidStatusTransition")
        channeladvisor.ok("updateOrder", key, {"OrderStatus": "Cancelled"})
        assert error(self.shipment(channeladvisor, made, "S1", 1)) == (409, "OrderCancelled")

    def test_a_cancellation_behind_a_partial_shipment(self, channeladvisor):
        stock(channeladvisor, (0, 10))
        made = order(channeladvisor)
        self.shipment(channeladvisor, made, "S1", 1)
        now = channeladvisor.ok("updateOrder", made["ChannelAdvisorOrderID"], {"OrderStatus": "Cancelled"})
        assert now["FulfillmentStatus"] == "PartiallyShipped"
        assert centers(channeladvisor) == [9]


class TestReturnsAndPayouts:
    def test_return_life(self, channeladvisor):
        made = order(channeladvisor)
        opened = channeladvisor.world._call("POST", "returns", {"ChannelAdvisorOrderID": made["ChannelAdvisorOrderID"]})
        key = opened["ReturnID"]

        def change(status: str, **members: Any) -> Any:
            return channeladvisor.call("changeReturnStatus", body={"ReturnID": key, "Status": status, **members})

        assert error(change("Received")) == (409, "InvalidStatusTransition")
        assert error(change("Refunded")) == (400, "InvalidRequest")
        assert error(change("Approved", RefundAmount="1.00")) == (400, "InvalidRequest")
        assert change("Approved", RmaNumber="R1").json()["RmaNumber"] == "R1"
        assert error(change("Refunded", RefundAmount="54.21")) == (400, "RefundExceedsPaid")
        refunded = change("Refunded", RefundAmount="54.20", Restock=True).json()
        assert (refunded["Status"], refunded["RefundAmount"]) == ("Refunded", "54.20")
        assert change("Refunded", RefundAmount="54.20").json() == refunded
        assert channeladvisor.ok("getReturn", key) == refunded
        assert channeladvisor.ok("listReturns", orderId=made["ChannelAdvisorOrderID"])["value"] == [refunded]
        assert channeladvisor.ok("getOrder", made["ChannelAdvisorOrderID"]) == made

    def test_payouts(self, channeladvisor):
        keys = [order(channeladvisor, str(number))["ChannelAdvisorOrderID"] for number in (1, 2)]
        channeladvisor.world._call("POST", "payouts", {"SettlementID": "S-1", "Orders": keys, "SettlementLineCount": 3})
        lines = channeladvisor.ok("listPayouts", settlementId="S-1")["value"]
        assert [line["NetAmount"] for line in lines] == ["47.75", "47.75"]
        assert {(line["SettlementTotal"], line["SettlementLineCount"]) for line in lines} == {("95.50", 3)}
        assert channeladvisor.ok("listPayouts", orderId=keys[0])["value"] == [lines[0]]
        assert channeladvisor.ok("listPayouts", settlementId="none")["value"] == []
