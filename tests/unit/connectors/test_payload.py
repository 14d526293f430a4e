"""What cannot be stored is mended where it comes in, so that one character stops no page."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.rest import payload


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (rb'{"SKU": "A\u0000B"}', {"SKU": "A\ufffdB"}),
        (rb'{"a": ["x\ud800y", {"\uDFFFb": 1.50}]}', {"a": ["x\ufffdy", {"\ufffdb": Decimal("1.50")}]}),
        (rb'{"a": "\ud83d\ude00"}', {"a": "\U0001f600"}),
        (rb'{"a": "\\ud800"}', {"a": "\\ud800"}),
    ],
)
def test_what_neither_utf8_nor_a_database_can_hold_is_read_as_the_replacement_character(content: bytes, read: object) -> None:
    decoded = payload.decode(content)
    assert decoded == read
    assert str(decoded).encode()


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2.0", "2"),
        ("2e0", "2"),
        ("-0.00", "0"),
        ("12.50e1", "125"),
        ("25.50", "25.50"),
        ("1e400", "1E+400"),
        ("9007199254740993.0", "9007199254740993"),
        ("-1e99999999999999999999", "Infinity"),
    ],
)
def test_a_whole_number_is_one_however_it_is_written(text: str, read: str) -> None:
    """JSON Schema takes 2.0 where it asks for an integer; and no number stops a page."""
    decoded = payload.decode(f'{{"a": {text}}}'.encode())["a"]
    assert (str(decoded), type(decoded)) == (read, int if read.lstrip("-").isdigit() else Decimal)
