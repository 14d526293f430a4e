"""What a task raises may be read by anyone who sees Flower."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from integration.errors import Refused, SyncError, Transient


def raised(error: Exception) -> BaseException:
    from tasks.base import LineTask

    class Failing(LineTask):
        name = "failing"

        def run(self) -> None:
            raise error

    with pytest.raises(SyncError) as found:
        Failing()()
    return found.value


def test_an_unexpected_exception_loses_its_text_and_keeps_its_place() -> None:
    found = raised(ValueError("ana@buyer.example"))
    assert "ana@" not in str(found)
    assert "ValueError at test_base.py:" in str(found)
    assert found.__suppress_context__


def test_a_database_that_is_away_is_no_fault_of_the_program() -> None:
    found = raised(OperationalError("SELECT 1", {"email": "ana@buyer.example"}, Exception("no connection")))
    assert isinstance(found, Transient)
    assert "ana@" not in str(found)


def test_our_own_errors_pass_as_they_are() -> None:
    assert str(raised(Refused("the target says no"))) == "the target says no"
