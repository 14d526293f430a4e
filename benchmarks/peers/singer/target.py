"""The target: a sink that books one record after the other."""

from __future__ import annotations

from typing import Any

from singer_sdk import RecordSink, Target
from singer_sdk import typing as th

from benchmarks.peers.apis import Channel, Erp
from benchmarks.peers.sales_order import sales_order


class SalesOrders(RecordSink):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._channel, self._erp = Channel(), Erp()

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        sold = sales_order(record)
        self._erp.book(sold)
        self._channel.mark(sold.key)


class TargetTims(Target):
    name = "target-tims"
    config_jsonschema = th.PropertiesList().to_dict()
    default_sink_class = SalesOrders


if __name__ == "__main__":
    TargetTims.cli()
