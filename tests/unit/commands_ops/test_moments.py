"""Moments are read as people write them, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from commands.moments import MomentType
from integration import clock

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-02T14:05:00Z", datetime(2026, 3, 2, 14, 5, tzinfo=UTC)),
        ("2026-03-02T14:05:00+02:00", datetime(2026, 3, 2, 12, 5, tzinfo=UTC)),
        ("now", NOW),
        ("30m", NOW - timedelta(minutes=30)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        (" 2w ", NOW - timedelta(weeks=2)),
    ],
)
def test_a_moment_is_read(words: str, moment: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    read = MomentType().convert(words, None, None)
    assert (read.at, read.words) == (moment, words.strip())


@pytest.mark.parametrize("words", ["", "soon", "7", "-7d", "2026-3-2", "2026-02-30", "2026-03-02T14:05:00", "99999w", "0001-01-01", "٣d"])
def test_what_is_no_moment_is_refused_in_one_sentence(words: str) -> None:
    with pytest.raises(click.BadParameter, match="is no moment; give a day such as 2026-03-02"):
        MomentType().convert(words, None, None)
