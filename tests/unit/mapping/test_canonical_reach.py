"""Each contract's own example of a price, product, return, invoice or payment has a canonical form, by a mapping of a few lines."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from integration.canonical import CANONICAL
from integration.mapping import load_mapping
from integration.schema import checked

ROOT = Path(__file__).parents[3]

CASES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "channeladvisor/price": (
        "PricesPage",
        "value",
        """
  source_key: SKU
  sku: SKU
  currency: Currency
  list_price: Price | decimal
  retail_price: RetailPrice | decimal
  lowest_price: MinPrice | decimal
  highest_price: MaxPrice | decimal
  cost: Cost | decimal
  promotion:
    when: PromotionPrice
    price: PromotionPrice | decimal
    starts_at: PromotionStart | instant
    ends_at: PromotionEnd | instant
""",
        {"sku": "LAMP-001", "list_price": Decimal("24.00"), "highest_price": Decimal("35.00")},
    ),
    "channeladvisor/return": (
        "Return",
        "",
        """
  source_key: ReturnID | text
  order_key: ChannelAdvisorOrderID | text
  status: Status | lower
  reason: Reason
  credit_number: SellerReturnID
  authorization_number: RmaNumber
  currency: Currency
  refund_amount: RefundAmount | decimal
  restock: Restock
  lines:
    each: Items
    source_line_key: OrderItemID | text
    sku: SKU
    quantity: Quantity
""",
        {"source_key": "5501", "currency": "USD"},
    ),
    "tims/invoice": (
        "Invoice",
        "",
        """
  source_key: InvoiceID
  number: InvoiceID
  kind: InvoiceType | word(kind)
  order_key: SalesOrderID
  order_reference: ExternalOrderID
  applies_to: AppliesToInvoiceID
  customer_key: CustomerID
  external_reference: ExternalReference
  issued_on: InvoiceDate
  currency: Currency
  shipping_amount: ShippingAmount | decimal
  total_amount: TotalAmount | decimal
  balance: Balance | decimal
  lines:
    each: Lines
    line_number: LineNumber
    quantity: Quantity | decimal
    unit_price: Price | decimal
    tax_amount: TaxAmount | decimal
    discount_amount: DiscountAmount | decimal
words:
  kind: {invoice: Invoice, credit_memo: CreditMemo}
""",
        {"kind": "invoice", "currency": "USD"},
    ),
    "tims/payment": (
        "Payment",
        "",
        """
  source_key: PaymentID
  gateway: PaymentMethod
  reference: ExternalReference
  external_reference: ExternalReference
  state: = captured
  kind: PaymentType | lower
  customer_key: CustomerID
  paid_on: PaymentDate
  amount: Amount | decimal
  currency: Currency
  applications:
    each: Applications
    invoice_number: InvoiceID
    amount: Amount | decimal
""",
        {"kind": "receipt", "state": "captured"},
    ),
    "sage100/payment": (
        "CashReceiptsPage",
        "Records",
        """
  source_key: DepositNo, SequenceNo | joined("-")
  gateway: PaymentType
  reference: OtherPaymentTypeRefNo
  external_reference: CheckNo
  state: = captured
  kind: = receipt
  customer_key: ARDivisionNo, CustomerNo | joined("-")
  paid_on: DepositDate | calendar_day
  amount: Lines[].CashAmountApplied | sum
  applications:
    each: Lines
    invoice_number: InvoiceNo
    amount: CashAmountApplied | decimal
    discount_amount: DiscountAmountApplied | decimal
""",
        {"source_key": "00031-000001", "amount": Decimal("96.91"), "paid_on": "2026-03-04"},
    ),
    "channeladvisor/product": (
        "Product",
        "",
        """
  source_key: SKU
  sku: SKU
  name: Title
  status: = active
  description: Description
  brand: Brand
  manufacturer: Manufacturer
  manufacturer_number: MPN
  barcode: UPC
  weight: Weight | decimal
  currency: Currency
  list_price: RetailPrice | decimal
  cost: Cost | decimal
  attributes:
    each: Attributes
    name: Name
    value: Value
  images:
    each: Images
    place: PlacementName
    url: Url
""",
        {"sku": "LAMP-001", "name": "Desk Lamp"},
    ),
}


def example(system: str, response: str, member: str) -> dict[str, Any]:
    document = YAML(typ="safe").load((ROOT / f"connectors/{system}/contract.yaml").read_text(encoding="utf-8"))
    (media,) = document["components"]["responses"][response]["content"].values()
    found: dict[str, Any] = media["example"][member][0] if member else media["example"]
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_contracts_example_has_a_canonical_form(name: str, tmp_path: Path) -> None:
    response, member, lines, expected = CASES[name]
    system, _, entity = name.partition("/")
    file = tmp_path / f"{entity}.yaml"
    file.write_text(f"system: {system}\nentity: {entity}\nread:{lines}", encoding="utf-8")
    canonical = load_mapping(file, None, None).read(_exact(example(system, response, member)))
    passed = checked(CANONICAL[entity], canonical, entity)
    assert {key: passed[key] for key in expected} == expected


def _exact(value: Any) -> Any:
    """Numbers as the transport reads them."""
    if isinstance(value, dict):
        return {name: _exact(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_exact(one) for one in value]
    return Decimal(str(value)) if isinstance(value, float) else value
