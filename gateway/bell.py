"""Rings for what has come in, in a thread of its own: Redis may be away, and no answer waits for it."""

from __future__ import annotations

import threading

from tasks.hint import ring


class Bell:
    """However often it is pulled while it rings, it rings once more after. What nobody hears the sweeper finds."""

    def __init__(self) -> None:
        self._pulled = threading.Event()
        self._connections: set[str] = set()
        threading.Thread(target=self._run, name="bell", daemon=True).start()

    def pull(self, connection: str) -> None:
        self._connections.add(connection)
        self._pulled.set()

    def _run(self) -> None:
        while True:
            self._pulled.wait()
            self._pulled.clear()
            while self._connections:
                ring(self._connections.pop())
