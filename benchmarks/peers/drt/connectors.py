"""The channel as a source and the ERP as a destination of drt, and `drt` itself with both: `python -m benchmarks.peers.drt.connectors run`.

drt's own REST source follows no link within a body, and its own REST destination sends one request a record and so cannot find a customer
first: both have to be written, as its registry is made for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests
from drt.cli.main import app
from drt.config.base import DescribableConfig, RetryConfig
from drt.connectors.registry import register_destination, register_source
from drt.destinations.base import SyncResult
from drt.destinations.rate_limiter import resolve_rate_limiter
from drt.destinations.retry import with_retry

from benchmarks.peers import apis
from benchmarks.peers.apis import Channel, Erp
from benchmarks.peers.sales_order import sales_order


@dataclass
class ChannelProfile:
    type: str = "channeladvisor"

    def describe(self) -> str:
        return self.type


class ChannelSource:
    def __init__(self) -> None:
        self._channel: Channel | None = None

    def extract(self, query: str, config: Any, *, query_tags: Any = None) -> Iterator[dict[str, Any]]:
        return self.extract_incremental(query, config, None)

    def extract_incremental(self, query: str, config: Any, cursor_value: str | None, *, query_tags: Any = None) -> Iterator[dict[str, Any]]:
        channel = Channel()
        page, link = channel.page(None, cursor_value)
        yield from page
        while link:
            page, link = channel.page(link)
            yield from page

    def test_connection(self, config: Any) -> bool:
        return bool(apis.channel_token())


class TimsConfig(DescribableConfig):
    type: str = "tims"

    def describe(self) -> str:
        return self.type


def passing(failure: Exception) -> bool:
    """drt knows httpx's failures, and is told of these."""
    answer = getattr(failure, "response", None)
    return isinstance(failure, requests.RequestException) and (answer is None or answer.status_code in RetryConfig().retryable_status_codes)


class TimsDestination:
    def __init__(self) -> None:
        self._systems: tuple[Erp, Channel] | None = None

    def load(self, records: list[dict[str, Any]], config: Any, sync_options: Any, **_: Any) -> SyncResult:
        erp, channel = self._systems = self._systems or (Erp(), Channel())
        limiter = resolve_rate_limiter(config, sync_options)
        result = SyncResult()
        for record in records:
            sold = sales_order(record)
            limiter.acquire()
            try:
                with_retry(partial(erp.book, sold), sync_options.retry, passing)
                with_retry(partial(channel.mark, sold.key), sync_options.retry, passing)
            except requests.RequestException as failure:
                result.failed += 1
                result.errors.append(f"order {sold.key}: {failure}")
                if sync_options.on_error == "fail":
                    return result
            else:
                result.success += 1
        return result


register_source("channeladvisor", ChannelProfile, ChannelSource)
register_destination("tims", TimsConfig, TimsDestination)

if __name__ == "__main__":
    app()
