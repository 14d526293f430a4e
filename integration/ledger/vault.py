"""Seals payloads with AES-GCM under data keys that the database keeps wrapped by the master key.

Rotation makes a new data key (payloads are sealed anew under it), or wraps the data keys by another master key (payloads stay).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Engine, func, insert, select, text, update

from integration import clock
from integration.errors import Misconfigured
from integration.ledger import tables
from integration.ledger.database import read, write
from integration.settings.model import Secret

NONCE = 12
PAYLOAD, INDEX = "payload", "index"

REFRESH_SECONDS = 30.0
"""So soon every process notices a rotation and seals under the new key."""


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"a payload cannot hold {type(value).__name__}")


def dumps(value: Any) -> bytes:
    """JSON with Decimal as text, members in a fixed order: equal values give equal bytes."""
    return json.dumps(value, default=_plain, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def fingerprint(value: Any) -> str:
    return hashlib.sha256(dumps(value)).hexdigest()[:32]


class Vault:
    """Seals and opens payloads of one ledger; safe to share between threads."""

    def __init__(self, engine: Engine, master: Secret) -> None:
        self._engine = engine
        self._master = AESGCM(_master_key(master))
        self._reference = master.reference
        self._lock = threading.Lock()
        self._keys: dict[int, AESGCM] = {}
        self._active = 0
        self._index = b""
        self._look_again = 0.0

    def prepare(self) -> None:
        """Make the first keys where the ledger has none; to be called before the first transaction that seals."""
        self._load()

    def seal(self, value: Any) -> bytes:
        self._ready()
        nonce = os.urandom(NONCE)
        prefix = self._active.to_bytes(4, "big")
        return prefix + nonce + self._keys[self._active].encrypt(nonce, dumps(value), prefix)

    def open(self, sealed: bytes) -> Any:
        """The value as it was sealed; fractions come back as Decimal."""
        self._ready()
        prefix = sealed[:4]
        key = self._keys.get(int.from_bytes(prefix, "big"))
        if key is None:
            self._load()
            key = self._keys[int.from_bytes(prefix, "big")]
        return json.loads(key.decrypt(sealed[4 : 4 + NONCE], sealed[4 + NONCE :], prefix), parse_float=Decimal)

    def index(self, plain: str) -> str:
        """A keyed hash by which a person's record is found without the ledger holding the e-mail address."""
        self._ready()
        return hmac.new(self._index, plain.encode(), hashlib.sha256).hexdigest()[:40]

    def subject(self, email: str | None) -> str:
        """A person in the ledger: the keyed hash of the address, without letter case; empty where there is none."""
        return self.index(email.strip().lower()) if email and email.strip() else ""

    @property
    def mark(self) -> bytes:
        """What everything begins with that is sealed under the present key."""
        self._ready()
        return self._active.to_bytes(4, "big")

    def last_rotation(self) -> datetime | None:
        """When the last rotation began that is not over: keys before its own are still there."""
        k = tables.data_key.c
        with read(self._engine) as connection:
            began: datetime | None = connection.execute(select(func.max(k.retired_at)).where(k.purpose == PAYLOAD)).scalar_one()
        return began

    def new_payload_key(self) -> None:
        """Seal everything from now on under a fresh key; older keys stay until nothing is sealed under them."""
        with write(self._engine) as connection:
            connection.execute(
                update(tables.data_key)
                .where(tables.data_key.c.purpose == PAYLOAD, tables.data_key.c.retired_at.is_(None))
                .values(retired_at=clock.now())
            )
            self._create(connection, PAYLOAD)
        self._load()

    def forget_retired_keys(self) -> None:
        """Only after everything was sealed anew."""
        with write(self._engine) as connection:
            connection.execute(tables.data_key.delete().where(tables.data_key.c.retired_at.is_not(None)))
        self._load()

    def rewrap(self, master: Secret) -> None:
        """Wrap all data keys by another master key; the old one opens nothing afterwards."""
        new = AESGCM(_master_key(master))
        with write(self._engine) as connection:
            for row in connection.execute(select(tables.data_key)).all():
                plain = self._unwrap(row.wrapped)
                nonce = os.urandom(NONCE)
                connection.execute(
                    update(tables.data_key)
                    .where(tables.data_key.c.id == row.id)
                    .values(wrapped=nonce + new.encrypt(nonce, plain, b"data key"))
                )
        self._master, self._reference = new, master.reference

    def _ready(self) -> None:
        if not self._active or time.monotonic() > self._look_again:
            self._load()

    def _load(self) -> None:
        with self._lock:
            # Only read, for on SQLite the caller may be in the middle of the one transaction that writes.
            with read(self._engine) as connection:
                rows = connection.execute(select(tables.data_key).order_by(tables.data_key.c.id)).all()
            if not {PAYLOAD, INDEX} <= {row.purpose for row in rows}:
                rows = self._first_keys()
            keys: dict[int, AESGCM] = {}
            active = 0
            for row in rows:
                # A key that is known stays so, for a running process may still have the master key of before a `rewrap`.
                if row.purpose == INDEX:
                    self._index = self._index or self._unwrap(row.wrapped)
                else:
                    keys[row.id] = self._keys.get(row.id) or AESGCM(self._unwrap(row.wrapped))
                    if row.retired_at is None:
                        active = row.id
            self._keys = keys
            self._active = active
            self._look_again = time.monotonic() + REFRESH_SECONDS

    def _first_keys(self) -> Sequence[Any]:
        with write(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE data_key IN EXCLUSIVE MODE"))
            present = set(connection.execute(select(tables.data_key.c.purpose)).scalars())
            for purpose in (PAYLOAD, INDEX):
                if purpose not in present:
                    self._create(connection, purpose)
            return connection.execute(select(tables.data_key).order_by(tables.data_key.c.id)).all()

    def _create(self, connection: Any, purpose: str) -> None:
        nonce = os.urandom(NONCE)
        wrapped = nonce + self._master.encrypt(nonce, os.urandom(32), b"data key")
        connection.execute(insert(tables.data_key).values(purpose=purpose, wrapped=wrapped, created_at=clock.now()))

    def _unwrap(self, wrapped: bytes) -> bytes:
        try:
            return self._master.decrypt(wrapped[:NONCE], wrapped[NONCE:], b"data key")
        except InvalidTag:
            raise Misconfigured(
                "this master key does not open the ledger's payloads; give the key that the ledger was made with", self._reference
            ) from None


def _master_key(master: Secret) -> bytes:
    try:
        key = base64.b64decode(master.reveal(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise Misconfigured("the master key must be 32 bytes in base64; make one with `openssl rand -base64 32`", master.reference)
    return key
