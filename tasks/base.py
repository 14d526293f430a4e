"""What all tasks share: the house of their process, a stage's time limit, and failures that say nothing personal."""

from __future__ import annotations

import signal
import threading
from functools import cache
from typing import Any, NoReturn

from celery import Task
from celery.signals import worker_process_init
from sqlalchemy.exc import InterfaceError, OperationalError

from connectors.configured import load_settings
from connectors.rest import observe
from connectors.rest.tally import Tally
from connectors.wiring import open_house
from integration.errors import SyncError, Transient
from integration.ledger.batches import STAGES, Stage
from integration.ledger.pulses import CONTROL
from integration.line.journey import House
from integration.line.stage import TimeIsUp, work_on
from integration.line.unexpected import bug
from tasks.chain import ring_batches


@cache
def house() -> House:
    """Settings, ledger and connections of this process."""
    return open_house(load_settings())


@worker_process_init.connect
def _open_own_house(**_: Any) -> None:
    """A forked process must not speak on its parent's database connections."""
    if house.cache_info().currsize:
        house().engine.dispose(close=False)
        house.cache_clear()
    observe.observers[:] = [Tally(house().engine).count]


class LineTask(Task):  # type: ignore[type-arg]  # generic for type checkers alone
    """Raises only errors whose text may be shown: Flower, the log and Redis would keep it."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        try:
            with house().heartbeat.at(self.name if self.name in STAGES else CONTROL):
                self.run(*args, **kwargs)
        except SyncError:
            raise
        except (OperationalError, InterfaceError):
            raise Transient("the database does not answer; the sweeper rings again") from None
        except Exception as error:  # noqa: BLE001  # raised again, without its text
            raise bug(error, self.name) from None


class StageTask(LineTask):
    abstract = True

    def work(self, batch_id: int, stage: Stage) -> None:
        """Do the batch's stage and ring for what is due then."""
        if threading.current_thread() is threading.main_thread():
            # Celery's own exception would pass for a fault of whatever record is in hand.
            signal.signal(signal.SIGUSR1, _time_is_up)
        present = house()
        bells = work_on(present, batch_id, stage)
        ring_batches(present.settings, present.engine, [bell for bell, _ in bells])


def _time_is_up(*_: Any) -> NoReturn:
    raise TimeIsUp
