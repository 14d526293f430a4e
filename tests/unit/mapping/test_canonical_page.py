"""The page about the canonical form says what the schemas say, and something of every field."""

from __future__ import annotations

import pytest

from integration.canonical import CANONICAL
from integration.canonical.page import PAGE, page


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m integration.canonical.page"


@pytest.mark.parametrize("entity", CANONICAL)
def test_the_page_tells_every_field_of_an_entity(entity: str) -> None:
    section = page().partition(f"\n## {entity}\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
    assert [row[0].strip("| `") for row in rows] == list(CANONICAL[entity].fields)
    assert all(len(row[-1].rstrip(" |")) > 5 for row in rows), "each has a meaning"


def test_a_limit_is_told() -> None:
    assert "| `status` | text | yes | `active`, `inactive`, `retired` |" in page()
    assert "| `unit_price` | amount | yes |" in page()
