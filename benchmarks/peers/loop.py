"""The bare loop, and the same with a pool of threads: `python -m benchmarks.peers.loop [THREADS]` books what is new for each line that it
reads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.peers.apis import Channel, Erp
from benchmarks.peers.sales_order import sales_order

Order = dict[str, Any]


class Loop:
    """`run` carries out its function for each order of a page."""

    def __init__(self, run: Callable[[Callable[[Order], None], list[Order]], Iterable[None]]) -> None:
        self.channel, self.erp = Channel(), Erp()
        self.run = run
        self.since: str | None = None
        self.taken: set[int] = set()

    def take_over(self) -> None:
        link: str | None = None
        while True:
            page, link = self.channel.page(link, self.since)
            new = [order for order in page if order["ChannelAdvisorOrderID"] not in self.taken]
            for _ in self.run(self.book, new):
                pass
            if page:
                self.since = page[-1]["UpdatedDate"]
            if not link:
                return

    def book(self, order: Order) -> None:
        sold = sales_order(order)
        self.erp.book(sold)
        self.channel.mark(sold.key)
        self.taken.add(sold.key)


def main(threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        loop = Loop(pool.map if threads > 1 else map)
        for _ in sys.stdin:
            loop.take_over()
            print("done", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
