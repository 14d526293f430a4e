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
