"""What is left of a personal value that was deleted: a salted digest that tells later whether it has changed, or nothing at all."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

DIGEST, SALT = "$digest", "$salt"


def forgotten(value: Any, *, wholly: bool = False) -> Any:
    """What may stay in the place of `value`: where it is `wholly` forgotten, it passes for unchanged from now on."""
    if value is None:
        return None
    if wholly:
        return {DIGEST: None}
    if is_forgotten(value):
        return value
    salt = secrets.token_hex(16)
    return {SALT: salt, DIGEST: _digest(salt, value)}


def is_forgotten(value: Any) -> bool:
    return isinstance(value, Mapping) and DIGEST in value


def was(left: Mapping[str, Any], value: Any) -> bool:
    """Whether what was forgotten is the same as `value`, as far as can be told."""
    return left[DIGEST] is None or left[DIGEST] == _digest(left[SALT], value)


def _digest(salt: str, value: Any) -> str:
    text = json.dumps(_bare(value), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{salt}{text}".encode()).hexdigest()


def _bare(value: Any) -> Any:
    """Null, absent and an empty text are alike, and amounts are text: as the systems see it."""
    if isinstance(value, Mapping):
        members = {name: _bare(inner) for name, inner in value.items()}
        return {name: inner for name, inner in members.items() if inner is not None} or None
    if isinstance(value, list):
        return [_bare(inner) for inner in value]
    return None if value is None or value == "" else str(value)
