"""One pass of the pipeline: `python -m benchmarks.peers.dlt.pipeline FOLDER`, which keeps its state; what an earlier pass has left is
loaded first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import dlt
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

from benchmarks.peers import apis
from benchmarks.peers.apis import Channel, Erp
from benchmarks.peers.sales_order import sales_order

TEXTS: Any = {name: {"data_type": "text"} for name in ("OrderDate", "CreatedDate", "UpdatedDate", "SellerOrderID")}
NESTED: Any = {name: {"data_type": "json"} for name in ("CustomerInfo", "ShippingAddress", "BillingAddress", "Items", "Promotions")}


@dlt.resource(primary_key="ChannelAdvisorOrderID", columns=TEXTS | NESTED)
def orders(updated: Any = dlt.sources.incremental("UpdatedDate")) -> Iterator[Any]:  # noqa: B008 - how dlt declares its cursor
    client = RESTClient(
        apis.channel_url(),
        auth=BearerTokenAuth(apis.channel_token()),
        paginator=JSONLinkPaginator(next_url_path="nextLink"),
        data_selector="value",
    )
    yield from client.paginate("/v2/orders", params=apis.query(updated.last_value))


@cache
def systems() -> tuple[Erp, Channel]:
    return Erp(), Channel()


@dlt.destination(name="tims")
def tims(items: Any, table: Any) -> None:  # noqa: ARG001 - dlt passes both
    erp, channel = systems()
    for item in items:
        sold = sales_order(item)
        erp.book(sold)
        channel.mark(sold.key)


if __name__ == "__main__":
    dlt.pipeline("orders", destination=tims, pipelines_dir=sys.argv[1]).run(orders())
