"""Dead letters as a person meets them: listed, grouped by cause, replayed (corrected on the way, if need be) or dismissed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update

from integration import clock
from integration.errors import Misconfigured
from integration.ledger import batches, tables
from integration.ledger.edits import Edit
from integration.ledger.records import AFRESH, DEAD
from integration.ledger.vault import Vault
from integration.line.load import REPLAY
from integration.ports import Body
