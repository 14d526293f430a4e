"""What orders are billed, and the occasions on which products are read again, on each database."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, select

from integration import clock
from integration.ledger import batches, billed, occasions, retention, tables
from integration.ledger.billed import Bill
from integration.ledger.database import read, write


def invoice(number: str, sequence: str = "000000", **members: Any) -> dict[str, Any]:
    usual = {"kind": "invoice", "order_key": "0001234", "total_amount": Decimal("96.91"), "balance": Decimal("96.91")}
    return {"source_key": f"{number}-{sequence}", "number": number, "sequence": sequence, **usual, **members}


def keep(engine: Engine, *invoices: dict[str, Any], version: str = "1") -> None:
    with write(engine) as connection:
        billed.keep(connection, "erp", [(version, one) for one in invoices])


def bills(engine: Engine) -> list[Bill]:
    with read(engine) as connection:
        return billed.bills(connection, "erp", ["0001234"])


def test_of_one_number_the_highest_sequence_counts_whichever_came_first(engine: Engine) -> None:
    keep(engine, invoice("0100457", "000001", balance=Decimal("5.00")), invoice("0100457", "000000"), invoice("0100500"))
    assert [(one.number, one.balance) for one in bills(engine)] == [("0100457", Decimal("5.00")), ("0100500", Decimal("96.91"))]
    keep(engine, invoice("0100457", "000002", kind="deleted", balance=Decimal(0)))
    assert [one.number for one in bills(engine)] == ["0100500"]


def test_an_older_version_that_comes_late_changes_nothing(engine: Engine) -> None:
    keep(engine, invoice("0100457", balance=Decimal(0)), version="2")
    keep(engine, invoice("0100457"), version="1")
    assert [one.balance for one in bills(engine)] == [Decimal(0)]


def test_a_credit_memo_finds_the_order_of_the_invoice_that_it_lowers(engine: Engine) -> None:
    memo = invoice("0100471", kind="credit_memo", order_key=None, applies_to="0100457", total_amount=Decimal("-12.50"), balance=Decimal(0))
    keep(engine, invoice("0100457"), memo)
    with read(engine) as connection:
        assert billed.orders_of(connection, "erp", ["0100457", "0100999"]) == {"0100457": "0001234"}
        assert billed.orders_of(connection, "another", ["0100457"]) == {}
    assert [one.credited for one in bills(engine)] == [Decimal("12.50")]


def test_an_occasion_is_given_once_and_only_when_it_has_come(engine: Engine) -> None:
    moment = clock.now()
    later = moment + timedelta(hours=1)
    with write(engine) as connection:
        occasions.keep(connection, "products", {"A": moment, "B": later, "C": moment})
        occasions.keep(connection, "others", {"A": moment})
        occasions.keep(connection, "products", {"C": None})
    with write(engine) as connection:
        assert occasions.take(connection, "products", moment) == ["A"]
        assert occasions.take(connection, "products", moment) == []
        occasions.keep(connection, "products", {"B": later + timedelta(hours=1)})
        assert occasions.take(connection, "products", later) == []
        assert occasions.take(connection, "others", moment) == ["A"]


def story(engine: Engine, *keys: str, flow: str = "invoices") -> None:
    """A record of each invoice, at its end, without payload."""
    with write(engine) as connection:
        _, batch_id = batches.start_run(connection, flow, "tick", "live", {}, stage="load", size=len(keys))
        for key in keys:
            row = {"batch_id": batch_id, "flow": flow, "source_key": key, "version": "1", "state": "done"}
            connection.execute(tables.record.insert().values(**row, extracted_at=clock.now(), finished_at=clock.now()))


def stories_end(engine: Engine, *keys: str, of: str = "erp") -> None:
    with write(engine) as connection:
        connection.execute(tables.record.delete().where(tables.record.c.source_key.notin_(keys)))
        connection.execute(tables.record.update().values(finished_at=clock.now() - timedelta(days=400)))
        assert retention.drop_stories(connection, "invoices", clock.now() - timedelta(days=365), of) == len(keys)


def kept(engine: Engine) -> list[str]:
    with read(engine) as connection:
        return sorted(connection.execute(select(tables.billed.c.invoice_key)).scalars())


def test_what_an_order_is_billed_is_deleted_with_the_last_story_of_it(engine: Engine) -> None:
    settled = {"balance": Decimal(0)}
    memo = invoice("0100471", kind="credit_memo", order_key=None, applies_to="0100457", total_amount=Decimal("-1.00"), **settled)
    keep(engine, invoice("0100457", **settled), invoice("0100500", **settled), memo, invoice("0100600", order_key="0009999", **settled))
    story(engine, "0100457-000000", "0100500-000000", "0100471-000000", "0100600-000000")
    everything = kept(engine)
    with write(engine) as connection:
        connection.execute(tables.record.delete().where(tables.record.c.source_key == "0100457-000000"))
        billed.drop(connection, "erp", ["0100457-000000"])
        billed.drop(connection, "another", everything)
    assert kept(engine) == everything
    stories_end(engine, "0100500-000000", "0100471-000000", "0100600-000000")
    assert kept(engine) == []


def test_an_order_that_owes_keeps_all_that_it_is_billed(engine: Engine) -> None:
    keep(engine, invoice("0100457", balance=Decimal(0)), invoice("0100500", balance=Decimal("5.00")))
    story(engine, "0100457-000000", "0100500-000000")
    stories_end(engine, "0100457-000000", "0100500-000000")
    assert kept(engine) == ["0100457-000000", "0100500-000000"]
    keep(engine, invoice("0100500", balance=Decimal(0)), version="2")
    story(engine, "0100500-000000")
    stories_end(engine, "0100500-000000")
    assert kept(engine) == []


def test_documents_that_bill_no_order_go_alone(engine: Engine) -> None:
    keep(engine, invoice("0100800", kind="other", order_key=None, balance=Decimal(0)))
    story(engine, "0100800-000000")
    stories_end(engine, "0100800-000000")
    assert kept(engine) == []


def test_invoices_of_a_connection_that_tells_none_any_more_go_when_their_stories_have(engine: Engine) -> None:
    keep(engine, invoice("0100457"))
    story(engine, "0100457-000000", flow="of long ago")
    for connections, expected in ((["erp"], 0), ([], 0)):
        with write(engine) as connection:
            assert billed.drop_of_others(connection, connections, ["of long ago"]) == expected
    with write(engine) as connection:
        connection.execute(tables.record.delete())
        assert billed.drop_of_others(connection, ["erp"], ["of long ago"]) == 0
        assert billed.drop_of_others(connection, ["sage"], ["of long ago"]) == 1
    assert kept(engine) == []
