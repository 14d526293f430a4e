"""Flower's settings: who may look, and every configured queue on the broker page, the dead letters' included."""

from __future__ import annotations

from flower.views import BaseHandler

from celeryconfig import DEAD_LETTERS, task_queues
from connectors.configured import load_settings
from integration import logs
from integration.settings.environment import variables

DEMO = "INTEGRATION_DEMO"
"""Set to 1 by `integration demo`, whose systems are simulated: Flower is open then, on this machine alone."""

logs.configure()

_settings = load_settings()

port = _settings.flower_port
address = "127.0.0.1"  # it speaks plain HTTP; `--address` says another, inside a container or before a proxy on another machine
if _settings.flower_auth is not None:
    basic_auth = [_settings.flower_auth.reveal()]
elif variables().get(DEMO) != "1":
    raise SystemExit(f"Flower can stop tasks, so it needs a password: set `password` under [flower] in {_settings.path}.")

tasks_columns = "name,args,state,received,runtime,exception"  # what a task is about and why it failed, instead of its id
natural_time = True
persistent = False  # what it shows comes from the ledger by events; it keeps nothing
max_tasks = 10_000  # open dead letters are told again before they fall out of so many


def _queue_names(_: BaseHandler) -> list[str]:
    """Flower itself shows queues that a worker serves, and of those only while the worker lives."""
    return sorted({DEAD_LETTERS.name, *(queue.name for queue in task_queues)})


BaseHandler.get_active_queue_names = _queue_names
