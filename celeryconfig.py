"""Celery's settings. Redis is a doorbell that may be wiped at any moment; the ledger is the truth, and the sweeper rings again.

Queues, routes and the schedule of beat follow from the connections and flows of integration.toml.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kombu import Queue

from connectors.configured import load_settings
from integration.errors import Misconfigured
from integration.ledger.batches import STAGE_SECONDS, Lane
from integration.settings import Flow

SWEEP_SECONDS = 2.0
WATCH_SECONDS = 15.0
FORGET_SECONDS = 600.0


def _broker_url(given: str | None, home: Path) -> str:
    """REDIS_URL, else the embedded Valkey, whose port stands in the home folder from its first start on."""
    if given is not None:
        return given
    try:
        port = int((home / "valkey" / "port").read_text())
    except (FileNotFoundError, ValueError):
        raise Misconfigured("no REDIS_URL is set and no Valkey of our own was started here; run `integration up`.", str(home)) from None
    return f"redis://127.0.0.1:{port}/0"


try:
    _settings = load_settings()
    broker_url = _broker_url(_settings.redis_url, _settings.home)
except Misconfigured as error:
    raise SystemExit(str(error)) from None  # the `celery` command would show a traceback


# --- Queues and routes ---------------------------------------------------------------------------------------------------------------

QUEUE_OF: Mapping[str, str] = {
    "extract": "{source}.extract",
    "transform": "{source}.transform",
    "validate": "{target}.validate",  # asks the target for its SKUs
    "load": "{target}.load",
    "poll": "control",
    "hint": "control",
    "sweep": "control",
    "watch": "control",
    "forget": "control",
    "dead_letter": "dead_letters",
}
"""Every task with its queue; a stage waits in a queue of the connection whose API it uses, so that one slow system holds up no other."""

PRIORITY: Mapping[Lane, int] = {"live": 0, "retries": 3, "backfill": 6, "reconcile": 9}
"""A lower number is served first, across all queues of a worker."""


def _queue(name: str) -> Queue:
    """Reached by its name alone: bindings would vanish with a wiped Redis, and what is published to them with it."""
    return Queue(name, exchange=None, routing_key=name)


def queue_of(task: str, flow: str | None = None) -> str:
    """The queue of a task; a stage needs its flow. LookupError for what is not in the table or not configured."""
    template = QUEUE_OF[task]
    if flow is None:
        return template
    found: Flow = _settings.flows[flow]
    return template.format(source=found.source, target=found.target)


DEAD_LETTERS = _queue("dead_letters")
"""Has no consumer, so it is not among `task_queues`: it mirrors the open dead letters, to be seen in Flower."""

# A worker without -Q serves them in this order within a lane: what is nearly through goes before what is new.
task_queues = [
    _queue("control"),
    *(_queue(f"{name}.{stage}") for stage in ("load", "validate", "transform", "extract") for name in _settings.connections),
]


def _route(name: str, args: Sequence[Any], *_: Any, **__: Any) -> dict[str, Any]:
    """Of a stage's arguments (batch, flow) the flow says where it waits."""
    queue = queue_of(name, args[1] if len(args) > 1 else None)
    return {"queue": DEAD_LETTERS if queue == DEAD_LETTERS.name else queue}


task_routes = [_route]
task_create_missing_queues = False  # a misspelt queue must fail, not collect messages that nobody reads
task_default_queue = "control"

# --- The broker ----------------------------------------------------------------------------------------------------------------------

broker_connection_retry_on_startup = True  # Redis may start after us
broker_connection_max_retries = None  # and may be away for any time
broker_transport_options = {
    "global_keyprefix": "integration:",  # the database may be shared with others
    "visibility_timeout": 300,  # above the hard time limit, or a second copy would run beside the first
    "unacked_restore_interval": 5,  # a killed worker's messages come back within seconds of that timeout
    "unacked_restore_throttle": 1,
    "socket_timeout": 30,  # a Redis that hangs is given up
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "priority_steps": sorted(PRIORITY.values()),  # one list for each lane, read in this order; Flower adds them up
    "queue_order_strategy": "priority",  # queues in the worker's own order
}
# A bell that cannot be rung is forgotten: the sweeper rings it later, and the stage must not wait for Redis.
task_publish_retry_policy = {"max_retries": 1, "interval_start": 0, "interval_max": 0}

# --- Messages: ids in JSON, nothing comes back ---------------------------------------------------------------------------------------

task_serializer = "json"
accept_content = ["json"]  # never pickle
task_ignore_result = True  # results are in the ledger
worker_send_task_events = True  # for Flower
task_send_sent_event = True

# --- Workers -------------------------------------------------------------------------------------------------------------------------

imports = [
    "tasks.poll",
    "tasks.extract",
    "tasks.transform",
    "tasks.validate",
    "tasks.load",
    "tasks.hint",
    "tasks.sweep",
    "tasks.watch",
    "tasks.dead_letter",
]
task_acks_late = True  # a message goes only when its work is done
task_reject_on_worker_lost = True  # and comes back where the process died; the ledger counts how often
task_acks_on_failure_or_timeout = True  # the ledger decides on another try, not Redis
worker_prefetch_multiplier = 1  # what a busy worker has taken others cannot do
task_soft_time_limit = STAGE_SECONDS - 40  # the batch is handed back, after the answers to what is under way
task_time_limit = STAGE_SECONDS - 5  # the process is ended before another may take what it claimed
worker_cancel_long_running_tasks_on_connection_loss = False  # True ends the worker when Redis restarts
# SIGTERM: nothing new is begun, and what is in flight is finished within its time limit. SIGQUIT: it has so long, then it is
# ended and goes back; the wait is always the whole of it, so REMAP_SIGTERM is not for us.
worker_soft_shutdown_timeout = 20.0
worker_hijack_root_logger = False  # logs are JSON lines, see integration/logs.py
worker_redirect_stdouts = False

# --- Beat ----------------------------------------------------------------------------------------------------------------------------
# A tick that was not served in time is void. Ticks are unique in the ledger and sweeps do no harm, so there may be two beats.

beat_scheduler = "tasks.beat:Scheduler"
beat_schedule_filename = str(_settings.home / "beat-schedule")
beat_schedule = {
    **{
        f"poll {flow.name}": {
            "task": "poll",
            "schedule": flow.every,
            "args": (flow.name,),
            "options": {"expires": flow.every, "argsrepr": f"{flow.name} {flow.source}→{flow.target}", "kwargsrepr": ""},
        }
        for flow in _settings.flows.values()
    },
    "sweep": {"task": "sweep", "schedule": SWEEP_SECONDS, "options": {"expires": SWEEP_SECONDS, "argsrepr": "", "kwargsrepr": ""}},
    "watch": {"task": "watch", "schedule": WATCH_SECONDS, "options": {"expires": WATCH_SECONDS, "argsrepr": "", "kwargsrepr": ""}},
    "forget": {"task": "forget", "schedule": FORGET_SECONDS, "options": {"expires": FORGET_SECONDS, "argsrepr": "", "kwargsrepr": ""}},
}
