"""Orders of the simulated ChannelAdvisor: listed, entered, changed, exported, and placed or edited by the world outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.channeladvisor.simulator_stock import Stock
from connectors.simulation.answers import Answer, Command, ControlError, Flaw, Record, Refusal, Request
from connectors.simulation.contract import Shape, closed
from connectors.simulation.instants import to_ms, to_text
from connectors.simulation.money import amount, units
from connectors.simulation.records import Records, Slice
from connectors.simulation.simulator import Handler, Simulator
from connectors.simulation.webhooks import Webhooks

FIRST_ORDER = 5_000_000_001  # beyond 32 bits, as the contract warns
FIRST_LINE = 90_001
LATE_SECONDS = 15 * 60
# What an order may be placed with besides the members of OrderCreate.
PLACED = ("OrderStatus", "FulfillmentStatus", "SellerOrderID", "CreatedDate", "UpdatedDate", "Exported")
UNSHIPPED = ("New", "Pending", "OnHold")


class Orders:
    def __init__(self, system: Simulator, stock: Stock, webhooks: Webhooks) -> None:
        self.records = Records(system.clock, "ChannelAdvisorOrderID", "UpdatedDate", {"number": _number})
        self._system = system
        self._stock = stock
        self._webhooks = webhooks
        self._moves: Mapping[str, Sequence[str]] = system.contract.document["x-status-transitions"]["OrderStatus"]
        self._unsound: set[int] = set()  # placed without checks: answers with them cannot keep the contract
        self._lines = 0
        self._order = Shape(closed(system.contract.schema("Order")))
        create = closed(system.contract.schema("OrderCreate"))
        members = {name: self._order.schema["properties"][name] for name in PLACED}
        self._placed = Shape({**create, "properties": {**create["properties"], **members}})
        self.handlers: Mapping[str, Handler] = {
            "listOrders": lambda request: system.listing(request, self.records, _select),
            "createOrder": self._create,
            "getOrder": lambda request: self._answer(request.record),
            "updateOrder": self._update,
            "exportOrder": self._export,
        }

    def sound(self, page: Sequence[Record]) -> bool:
        """Whether every record of a page can keep the contract."""
        return not self._unsound or all(order["ChannelAdvisorOrderID"] not in self._unsound for order in page)

    def set(self, order: Record, members: Mapping[str, Any], at: int | None = None) -> None:
        """Change an order as anyone may: moves UpdatedDate, keeps the stock right and sends the events."""
        before, cancelled = unshipped(order), order["OrderStatus"] == "Cancelled"
        self.records.change(order, members, at)
        self._stock.expect(before, unshipped(order))
        if order["OrderStatus"] == "Cancelled" and not cancelled:
            for sku, count in before.items():
                self._stock.give_back(sku, count)
        self._tell("order.updated", order)
        if order["OrderStatus"] == "Cancelled" and not cancelled:
            self._tell("order.cancelled", order)

    def place(self, command: Command) -> Any:
        """Control plane: `{"orders": […], "check": true}`; all are placed or none."""
        body = command.body
        orders, check = body.get("orders"), body.get("check", True)
        if not isinstance(orders, list) or not all(isinstance(order, dict) for order in orders):
            raise ControlError('Send {"orders": [an OrderCreate each], "check": true or false}.')
        orders = [_dated(order) for order in orders]
        if check:
            self._check_all(orders)
        return {"orders": [self._store(order, bool(check)) for order in orders]}

    def edit(self, command: Command) -> Any:
        """Control plane: set members of one order, as the buyer or the marketplace would."""
        body, key = command.body, command.key
        order = self.records.get(int(key)) if key.isdecimal() else None
        if order is None:
            raise ControlError(f"Order {key} does not exist.")
        unknown = sorted(set(body) - set(self._order.schema["properties"]))
        if unknown:
            raise ControlError(f"An order has no member {unknown[0]!r}.")
        body = _dated(body)
        at = to_ms(body["UpdatedDate"]) if "UpdatedDate" in body else None
        status: str = (order | body)["OrderStatus"]
        consequences = self._consequences(order, status) if status != order["OrderStatus"] else {}
        self.set(order, {**consequences, **body}, at)
        if not self._order.holds(order):
            self._unsound.add(order["ChannelAdvisorOrderID"])
        return order

    def _create(self, request: Request) -> Answer:
        flaw = _wrong_total(request.body)
        if flaw is not None:
            raise Refusal(400, "TotalMismatch", flaw.message, [flaw])
        twin = self._twin(request.body)
        if twin is not None:
            details = [Flaw("ChannelAdvisorOrderID", "invalid_value", str(twin["ChannelAdvisorOrderID"]))]
            raise Refusal(409, "DuplicateOrder", "This site's order already exists.", details)
        return Answer(201, self._store(request.body, sound=True))

    def _update(self, request: Request) -> Answer:
        order, wanted = request.record, request.body
        changes = {name: value for name, value in wanted.items() if value != order[name]}
        if "OrderStatus" in changes:
            if changes["OrderStatus"] not in self._moves[order["OrderStatus"]]:
                message = f"An order cannot go from {order['OrderStatus']} to {changes['OrderStatus']}."
                raise Refusal(409, "InvalidStatusTransition", message)
            changes |= self._consequences(order, changes["OrderStatus"])
        if changes:
            self.set(order, changes)
        return self._answer(order)

    def _export(self, request: Request) -> Answer:
        if not request.record["Exported"]:
            # A change that does not move UpdatedDate, by the contract; the event is sent all the same.
            request.record["Exported"] = True
            self._tell("order.updated", request.record)
        return Answer(204)

    def _answer(self, order: Record) -> Answer:
        return Answer(200, order, check=self.sound([order]))

    def _consequences(self, order: Record, status: str) -> Record:
        """What else a new status changes."""
        if status == "Cancelled":
            return {} if order["FulfillmentStatus"] == "PartiallyShipped" else {"FulfillmentStatus": "Canceled"}
        if status == "Shipped":
            filled = [{**line, "QuantityShipped": line["Quantity"]} for line in order["Items"]]
            return {"FulfillmentStatus": "Shipped", "Items": filled}
        return {}

    def _store(self, sent: Record, sound: bool) -> Record:
        now = self._system.clock.now()
        late = self._system.faults.strikes("late-arriving-orders")
        at = self._system.new_instant(self.records)
        if late is not None:
            at = now - int(self._system.faults.random.random() * 1000 * (LATE_SECONDS if late.delay is None else late.delay))
        order: Record = {
            "ChannelAdvisorOrderID": FIRST_ORDER + len(self.records),
            "SellerOrderID": None,
            "OrderStatus": "New",
            "FulfillmentStatus": "Unshipped",
            "CreatedDate": to_text(min(at, now)),
            "BillingAddress": None,
            "ShippingMethod": None,
            "PaymentMethod": None,
            "Promotions": None,
            "Exported": False,
            **sent,
            "Items": [self._line(line) for line in sent.get("Items") or []],
        }
        if "FulfillmentStatus" not in sent:
            order |= self._consequences(order, order["OrderStatus"])
        self.records.add(order, to_ms(sent["UpdatedDate"]) if "UpdatedDate" in sent else at)
        if not sound and not self._order.holds(order):
            self._unsound.add(order["ChannelAdvisorOrderID"])
        wanted = unshipped(order)
        for sku, count in wanted.items():
            self._stock.take(sku, count)
        self._stock.expect({}, wanted)
        self._tell("order.created", order)
        return order

    def _line(self, sent: Record) -> Record:
        self._lines += 1
        return {"OrderItemID": FIRST_LINE + self._lines - 1, "Title": None, "QuantityShipped": 0, **sent}

    def _twin(self, order: Record) -> Record | None:
        return next(iter(self.records.find("number", (order["SiteName"], order["OrderID"]))), None)

    def _check_all(self, orders: Sequence[Record]) -> None:
        numbers = set()
        for place, order in enumerate(orders):
            flaws = self._placed.flaws(order) or [flaw for flaw in [_wrong_total(order)] if flaw]
            if flaws:
                raise ControlError(f"orders[{place}].{flaws[0].field}: {flaws[0].message} Send check false to place it all the same.")
            number = (order["SiteName"], order["OrderID"])
            if number in numbers or self._twin(order) is not None:
                raise ControlError(f"orders[{place}]: this site has this OrderID already.")
            numbers.add(number)

    def _tell(self, event: str, order: Record) -> None:
        names = ("ChannelAdvisorOrderID", "OrderID", "SiteName", "OrderStatus", "UpdatedDate")
        self._webhooks.publish(event, self._system.clock.text(), {name: order.get(name) for name in names})


def unshipped(order: Record) -> Counter[str]:
    """Units by SKU that an order still wants; none once it is shipped or cancelled."""
    wanted: Counter[str] = Counter()
    if order["OrderStatus"] in UNSHIPPED:
        for line in order["Items"]:
            # An order placed without checks may hold anything.
            if isinstance(line.get("SKU"), str) and isinstance(line.get("Quantity"), int):
                wanted[line["SKU"]] += max(line["Quantity"] - line.get("QuantityShipped", 0), 0)
    return wanted


def line_total(line: Record) -> int:
    """Cents of a line: goods, tax and shipping less discount."""
    goods: int = line["Quantity"] * units(line["UnitPrice"])
    return goods + units(line["TaxAmount"]) + units(line["ShippingAmount"]) - units(line["DiscountAmount"])


def _wrong_total(order: Record) -> Flaw | None:
    total = sum(line_total(line) for line in order["Items"])
    return None if total == units(order["TotalAmount"]) else Flaw("TotalAmount", "total_mismatch", f"The lines sum up to {amount(total)}.")


def _dated(sent: Record) -> Record:
    """With CreatedDate and UpdatedDate, where they are given, written as the simulator writes instants."""
    try:
        return {**sent, **{name: to_text(to_ms(sent[name])) for name in ("CreatedDate", "UpdatedDate") if name in sent}}
    except (ValueError, TypeError):
        raise ControlError("CreatedDate and UpdatedDate must be instants as in 2026-03-02T14:05:09.120Z.") from None


def _number(order: Record) -> list[tuple[str, str]]:
    """What is unique, as text: an order placed without checks may hold anything."""
    return [(str(order.get("SiteName")), str(order.get("OrderID")))]


def _select(filters: Mapping[str, Any]) -> Slice:
    # Stored instants all have three fractional digits, so that their text sorts as they do.
    start, end = (to_text(to_ms(filters[name])) if name in filters else None for name in ("createdSince", "createdUntil"))
    exported = filters.get("exported")
    if start is None and end is None and exported is None:
        return Slice()

    def keep(order: Record) -> bool:
        if exported is not None and order["Exported"] != exported:
            return False
        created = order["CreatedDate"]
        return (start is None or created >= start) and (end is None or created < end)

    return Slice(keep=keep)
