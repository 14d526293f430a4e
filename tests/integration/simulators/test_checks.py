"""Both simulators check in the order of their contracts: 401, 429, 400, 404, then what the record forbids."""

from __future__ import annotations

import requests

from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Tims, simulator

LISTS = {"channeladvisor": ("listOrders", "updatedSince", "pageSize", 101), "tims": ("listSalesOrders", "changedSince", "limit", 201)}
WRITES = {
    "channeladvisor": ("updateOrder", 99, {"OrderStatus": "Nonsense"}, {"OrderStatus": "Pending"}),
    "tims": ("updateSalesOrder", "SO-9999999", {"Version": 0}, {"Version": 1, "Notes": "x"}),
}


def send(either, method, path, **options):
    return either.session.request(method, either.url + path, timeout=10, **options)


def test_without_a_good_token_everything_is_401(either):
    either.session.headers["Authorization"] = "Bearer nonsense"
    operation, key, bad, _ = WRITES[either.system]
    for answer in (either.call(operation, key, bad), either.call(LISTS[either.system][0], nonsense=1), send(either, "GET", "/nowhere")):
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    stats = either.world.stats()
    assert (stats["requests"], stats["refused"]) == ({"getToken": 1}, {"401": 3})


def test_a_refused_request_is_429_whatever_else_is_wrong(either):
    either.world.faults({"rate-limited": {"times": 1, "retry_after": 7}})
    answer = either.call(LISTS[either.system][0], nonsense=1)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert either.call(LISTS[either.system][0], nonsense=1).status_code == 400


def test_queries(either):
    operation, since, size, too_many = LISTS[either.system]
    for query in ({"nonsense": 1}, {since: "yesterday"}, {since: "2026-02-30T00:00:00Z"}, {size: 0}, {size: too_many}, {size: "ten"}):
        assert either.call(operation, **query).status_code == 400, query
    path = either.contract.operations[operation].path
    assert send(either, "GET", f"{path}?{size}=1&{size}=2").status_code == 400
    assert either.call(operation, **{since: "2026-03-02T00:00:00.5Z"}).status_code == 200


def test_bodies_before_records(either):
    operation, key, bad, good = WRITES[either.system]
    spec = either.contract.operations[operation]
    path = spec.path.replace("{id}", str(key))
    assert send(either, "PUT", path, data=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert send(either, "PUT", path, data=b'{"a": NaN}', headers={"Content-Type": "application/json"}).status_code == 400
    assert send(either, "PUT", path, data=b'{"a": "\\ud800"}', headers={"Content-Type": "application/json"}).status_code == 400
    assert send(either, "PUT", path, data=b"{}", headers={"Content-Type": "text/plain"}).status_code == 400
    # 400 for a wrong body comes before 404, 422 behind it.
    assert either.call(operation, key, bad).status_code == (400 if either.system == "channeladvisor" else 404)
    assert either.call(operation, key, good).status_code == 404
    assert either.call(operation, "nonsense", good).status_code == 404


def test_unknown_paths_and_methods_are_404(either):
    assert send(either, "GET", "/nowhere").status_code == 404
    assert send(either, "PATCH", either.contract.operations[LISTS[either.system][0]].path).status_code == 404


def test_a_wrong_version_before_a_broken_rule(tims):
    made = tims.ok("createCustomer", body=tims.example("createCustomer"))
    bad = [{"AddressType": "Shipping", "Address": {"Line1": "x", "City": "x", "State": "Texas", "PostalCode": "1", "Country": "US"}}]
    assert tims.call("updateCustomer", made["CustomerID"], {"Version": 9, "Addresses": bad}).status_code == 409
    assert tims.call("updateCustomer", made["CustomerID"], {"Version": "9", "Addresses": bad}).status_code == 422
    assert tims.call("updateCustomer", made["CustomerID"], {"Version": 1, "Addresses": bad}).status_code == 422


def test_tokens(either):
    url = f"{either.url}/oauth2/token"

    def ask(auth, **form):
        answer = requests.post(url, auth=auth, data=form, timeout=10)
        return answer.status_code, answer.json()["error"]

    good = ("demo-application", "demo-shared-secret") if either.system == "channeladvisor" else ("demo-client", "demo-client-secret")
    grant = "refresh_token" if either.system == "channeladvisor" else "client_credentials"
    assert ask(("x", "y"), grant_type=grant) == (401, "invalid_client")
    assert ask(None, grant_type=grant) == (401, "invalid_client")
    assert ask(good, grant_type="password") == (400, "unsupported_grant_type")
    assert ask(good) == (400, "invalid_request")
    assert ask(good, grant_type=grant, extra="1") == (400, "invalid_request")
    if either.system == "channeladvisor":
        assert ask(good, grant_type=grant) == (400, "invalid_request")
        assert ask(good, grant_type=grant, refresh_token="other") == (400, "invalid_grant")
    old = either.session.headers["Authorization"]
    assert either.renew().json()["expires_in"] == (3600 if either.system == "channeladvisor" else 1800)
    either.session.headers["Authorization"] = old
    assert either.call("listWebhooks").status_code == 200, "an earlier token stays valid"


def test_a_token_expires(tmp_path):
    with simulator("tims", tmp_path / "log", "--token-seconds", "1") as url:
        auth, form = ("demo-client", "demo-client-secret"), {"grant_type": "client_credentials"}
        token = requests.post(f"{url}/oauth2/token", auth=auth, data=form, timeout=10).json()
        assert token["expires_in"] == 1

        def status():
            return requests.get(
                f"{url}/api/v1/webhooks", headers={"Authorization": f"Bearer {token['access_token']}"}, timeout=10
            ).status_code

        assert status() == 200
        wait_for(lambda: status() == 401)
        assert Tims(url).stats()["refused"]["401"] >= 1


def test_the_control_plane_says_what_is_wrong(either):
    for path, body, words in (
        ("faults", {"nonsense": True}, "There is no fault 'nonsense'"),
        ("faults", {"hang": {"nonsense": 1}}, "no option 'nonsense'"),
        ("faults", {"hang": {"operations": ["nonsense"]}}, "no operation 'nonsense'"),
        ("latency", {}, "milliseconds"),
    ):
        answer = requests.post(f"{either.url}/_sim/{path}", json=body, timeout=10)
        assert answer.status_code == 400
        assert words in answer.json()["error"]
    assert requests.get(f"{either.url}/_sim/nonsense", timeout=10).status_code == 404


def test_reset_forgets_everything(either):
    either.ok("createWebhook", body=either.example("createWebhook"))
    either.world.faults({"server-error": True})
    either.world.reset()
    assert either.call("listWebhooks").status_code == 401
    either.renew()
    assert either.world.state()["webhooks"] == []
    assert either.call("listWebhooks").status_code == 200
