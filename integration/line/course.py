"""What is particular to an entity on the line: how its records are validated, and who loads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from integration.ledger.batches import Batch
from integration.ledger.records import Aside, Passed, Record
from integration.line import invoices, products, shipments, statuses, stock, validate
from integration.line.journey import House, Journey
from integration.line.load import Loader
from integration.line.orders import OrderLoader


@dataclass(frozen=True, slots=True)
class Course:
    """`validate` makes parcels of transformed records; `loader` delivers them."""

    validate: Callable[[House, Journey, Sequence[Record]], list[Passed | Aside]]
    loader: Callable[[House, Journey, Batch], Loader]


COURSES: Mapping[str, Course] = {
    "order": Course(validate.validate, OrderLoader),
    "shipment": Course(shipments.validate, shipments.ShipmentLoader),
    "order_status": Course(statuses.validate, statuses.StatusLoader),
    "product": Course(products.validate, products.ProductLoader),
    "invoice": Course(invoices.validate, invoices.InvoiceLoader),
    "stock": Course(stock.validate, stock.StockLoader),
}
