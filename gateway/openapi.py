"""What the gateway offers, as OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from gateway.verify import HEADERS


def document() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gateway",
            "version": "1.0.0",
            "description": "Takes webhooks signed as Standard Webhooks say. A body is a hint to fetch what it names, never its state.",
        },
        "paths": {
            "/hooks/{connection}": {
                "post": {
                    "operationId": "receiveWebhook",
                    "summary": "Keep a delivery; what it hints at is fetched within a moment.",
                    "parameters": [
                        {"name": "connection", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 40}},
                        *({"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in HEADERS),
                    ],
                    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
                    "responses": {
                        "202": {"description": "Kept. A delivery that came before changes nothing."},
                        **_errors(
                            {
                                "401": "No signature fits, or the timestamp is more than five minutes from now.",
                                "403": "The sender is in none of the networks that are configured.",
                                "404": "There is no such connection, or it is not subscribed.",
                                "408": "The body did not come whole within ten seconds.",
                                "413": "The body is larger than 256 KiB.",
                                "503": "The database does not answer; send it again.",
                            }
                        ),
                    },
                }
            },
            "/health": _probe("health", "Whether this process and its database answer."),
            "/ready": _probe("ready", "Whether work progresses as well."),
            "/openapi.json": {
                "get": {
                    "operationId": "openapi",
                    "summary": "This document.",
                    "responses": {"200": {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}}},
                }
            },
        },
        "components": {
            "schemas": {
                "Message": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
                }
            }
        },
    }


def _errors(told: dict[str, str]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}}
    return {status: {"description": text, "content": content} for status, text in told.items()}


def _probe(name: str, summary: str) -> dict[str, Any]:
    responses = _errors({"200": "It does.", "503": "It does not; the message says why."})
    return {"get": {"operationId": name, "summary": summary, "responses": responses}}
