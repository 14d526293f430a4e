"""The tap: the channel's orders as a REST stream with a replication key."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import requests
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.helpers._typing import TypeConformanceLevel
from singer_sdk.pagination import BaseHATEOASPaginator

from benchmarks.peers import apis

TEXT = {"type": ["string", "null"]}
ANY = {"type": ["object", "null"], "additionalProperties": True}
LIST = {"type": ["array", "null"], "items": ANY}
TEXTS = (
    *("OrderID", "SiteName", "SellerOrderID", "OrderStatus", "PaymentStatus", "FulfillmentStatus", "OrderDate", "CreatedDate"),
    *("UpdatedDate", "Currency", "TotalAmount", "ShippingMethod", "PaymentMethod"),
)
SCHEMA = {
    "type": "object",
    "properties": {
        "ChannelAdvisorOrderID": {"type": "integer"},
        **dict.fromkeys(TEXTS, TEXT),
        **dict.fromkeys(("CustomerInfo", "ShippingAddress", "BillingAddress"), ANY),
        **dict.fromkeys(("Items", "Promotions"), LIST),
        "Exported": {"type": ["boolean", "null"]},
    },
}


class NextLink(BaseHATEOASPaginator):
    def get_next_url(self, response: requests.Response) -> str | None:
        return response.json().get("nextLink")


class Orders(RESTStream):
    name = "orders"
    path = "/v2/orders"
    primary_keys = ("ChannelAdvisorOrderID",)
    replication_key = "UpdatedDate"
    is_sorted = True
    records_jsonpath = "$.value[*]"
    schema = SCHEMA
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.ROOT_ONLY  # what is nested is passed on as it is

    @property
    def url_base(self) -> str:
        return apis.channel_url()

    @property
    def authenticator(self) -> BearerTokenAuthenticator:
        return BearerTokenAuthenticator(token=apis.channel_token())

    def get_new_paginator(self) -> NextLink:
        return NextLink()

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        if next_page_token:
            return dict(parse_qsl(next_page_token.query))
        return apis.query(self.get_starting_replication_key_value(context))


class TapChannelAdvisor(Tap):
    name = "tap-channeladvisor"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self) -> list[Orders]:
        return [Orders(self)]


if __name__ == "__main__":
    TapChannelAdvisor.cli()
