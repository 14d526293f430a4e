"""A client of a simulated system that holds a token, and sends the contract's own examples."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from connectors.simulation.contract import load

CONNECTORS = Path(__file__).parents[3] / "connectors"
TOKENS = {
    "channeladvisor": (("demo-application", "demo-shared-secret"), {"grant_type": "refresh_token", "refresh_token": "demo-refresh-token"}),
    "tims": (("demo-client", "demo-client-secret"), {"grant_type": "client_credentials"}),
    "clarity": (None, {"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": "demo-client-secret"}),
}
SAGE = {"X-Api-Key": "demo-api-key", "X-Sage-User": "demo-user", "X-Sage-Company": "ABC"}


@dataclass
class Client:
    """Calls by operation id; `world` is the control plane."""

    system: str
    url: str
    world: Any
    session: requests.Session

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self.contract = load(CONNECTORS / self.system / "contract.yaml")
        self.renew()

    def renew(self) -> requests.Response | None:
        if self.system == "sage100":
            self.session.headers.update(SAGE)
            return None
        auth, form = TOKENS[self.system]
        if self.system == "clarity":
            self.session.headers["X-Api-Key"] = "demo-api-key"
        answer = self.session.post(f"{self.url}/oauth2/token", data=form, auth=auth, headers={"Authorization": ""}, timeout=10)
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    def call(self, operation: str, key: Any = "", body: Any = None, **query: Any) -> requests.Response:
        spec = self.contract.operations[operation]
        path = spec.path
        for name, part in zip(spec.in_path, key if isinstance(key, tuple) else (key,), strict=False):
            path = path.replace(f"{{{name}}}", requests.utils.quote(str(part), safe=""))
        return self.session.request(spec.method, self.url + path, json=body, params=query, timeout=10)

    def ok(self, operation: str, key: Any = "", body: Any = None, **query: Any) -> Any:
        answer = self.call(operation, key, body, **query)
        assert answer.status_code < 300, f"{operation}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def example(self, operation: str, **changes: Any) -> Any:
        """The contract's example of a request body, with members changed."""
        document = self.contract.document
        spec = document["paths"][self.contract.operations[operation].path][self.contract.operations[operation].method.lower()]
        body = spec["requestBody"]
        if "$ref" in body:
            body = document["components"]["requestBodies"][body["$ref"].rpartition("/")[2]]
        return {**copy.deepcopy(body["content"]["application/json"]["example"]), **changes}
