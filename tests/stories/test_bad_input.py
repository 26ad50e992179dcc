"""Bad input gets the right 4xx with a named field and an advice, and changes nothing."""

from typing import Any

import pytest

from local.functions.web import ADMIN_KEY
from tests.cloud import Cloud, Host
from tests.stories.given import problem

pytestmark = pytest.mark.story


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"{not json", 400, "NotJson", ""),
        (b"", 400, "NotJson", ""),
        (b"\xff\xfe", 400, "NotJson", ""),
        (b"[1, 2", 400, "NotJson", ""),
        (b"[" * 20_000, 400, "NotJson", ""),
        (b'{"name": NaN}', 400, "NotJson", ""),
        (b'{"name": 1e400}', 400, "BadValue", "name"),
        (
            b'{"name": "r5", "values": {"hub": {"extraEnv": [{"value": "\\u0000"}]}}}',
            400,
            "BadValue",
            "values.hub.extraEnv[0].value",
        ),
        (b'{"name": "r5", "tags": {"a": "\\ud800"}}', 400, "BadValue", "tags.a"),
        (b'{"name": "r5", "cluster": {"nodeCount": 9223372036854775808}}', 400, "BadValue", "cluster.nodeCount"),
        (
            b'{"name": "r5", "values": {"singleuser": {"memory": {"limit": "' + b"9" * 400 + b'"}}}}',
            400,
            "InvalidHub",
            "values.singleuser.memory.limit",
        ),
        (b"[]", 400, "InvalidHub", ""),
        (b'"r5"', 400, "InvalidHub", ""),
        (b"{}", 400, "InvalidHub", "name"),
        (b'{"name": 5}', 400, "InvalidHub", "name"),
        (b'{"name": "../x"}', 400, "InvalidHub", "name"),
        (b'{"name": "r5", "nodecount": 3}', 400, "InvalidHub", "nodecount"),
        (b'{"name": "r5", "cluster": {"nodeCount": "x"}}', 400, "InvalidHub", "cluster.nodeCount"),
        (b'{"name": "' + b"a" * 64 + b'"}', 400, "InvalidHub", "name"),
        (b'{"name": "' + b"a" * 2**20 + b'"}', 413, "BodyTooLarge", None),
    ],
)
def test_a_bad_body_is_refused(
    cloud: Cloud, host: Host, body: bytes, status: int, code: str, field: str | None
) -> None:
    before = cloud.control.resources()
    found = problem(host.post("/api/hubs", body), status, code)
    if field is not None:
        assert field in [error["field"] for error in found["errors"]]
    assert cloud.control.resources() == before
    assert host.get("/api/hubs").json == {"hubs": []}


def test_keys(host: Host) -> None:
    assert host.get("/api/hubs", key=None).status == 401
    assert host.get("/api/hubs", key="wrong").status == 401
    assert host.get("/api/hubs").status == 200
    assert host.get("/api/hubs/r5/kubeconfig").status == 401
    assert host.get("/api/hubs/r5/kubeconfig", key=ADMIN_KEY).status == 404
    assert host.get("/api/health", key=None).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/hubs/nobody", 404, "HubNotFound"),
        ("GET", "/api/hubs/..%2Fx", 404, "HubNotFound"),
        ("DELETE", "/api/hubs/nobody", 400, "NotConfirmed"),
        ("DELETE", "/api/hubs/nobody?confirm=other", 400, "NotConfirmed"),
        ("DELETE", "/api/hubs/nobody?confirm=nobody", 404, "HubNotFound"),
        ("GET", "/api/runs/nothing", 404, "RunNotFound"),
        ("GET", "/api/runs/r5-12345678901234abcdef", 404, "RunNotFound"),
        ("POST", "/api/runs/nothing/retry", 404, "RunNotFound"),
        ("POST", "/api/runs/nothing/cancel", 404, "RunNotFound"),
        ("GET", "/api/locations/West%20US/versions", 400, "BadLocation"),
        ("GET", "/api/hubs/r5/runs?limit=many", 400, "BadParameter"),
        ("DELETE", "/api/hubs/r5?confirm=r5&keepHomes=perhaps", 400, "BadParameter"),
        ("DELETE", "/api/hubs/r5/secrets/a--b", 400, "BadSecretName"),
        ("DELETE", "/api/hubs/r5/secrets/shared-password", 409, "OwnSecret"),
    ],
)
def test_a_bad_address_or_parameter_is_refused(host: Host, method: str, path: str, status: int, code: str) -> None:
    problem(host.call(method, path), status, code)


def test_who_reads_and_changes_secrets_is_in_the_log(host: Host) -> None:
    host.put("/api/hubs/audited/secrets/token", {"value": "s3cret-in-no-log"})
    host.get("/api/hubs/audited/kubeconfig", key=ADMIN_KEY)
    host.delete("/api/hubs/audited/secrets/shared-password")
    log = host.logs()
    assert (
        '[put_secret] audit {"who": "api", "what": "secret.put", "hub": "audited", "key": "token", "status": 204}'
        in log
    )
    assert '[get_kubeconfig] audit {"who": "api", "what": "kubeconfig.read", "hub": "audited", "status": 404}' in log
    assert '"what": "secret.delete", "hub": "audited", "key": "shared-password", "status": 409}' in log
    assert "s3cret-in-no-log" not in log
    host.delete("/api/hubs/audited/secrets/token")


@pytest.mark.parametrize("body", [{}, {"value": ""}, {"value": 5}, {"value": "x", "more": 1}, [], "x"])
def test_a_secret_is_a_string(host: Host, body: Any) -> None:
    problem(host.put("/api/hubs/r5/secrets/key", body), 400, "BadSecret")
