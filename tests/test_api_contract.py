"""The API keeps to its own description: /api/openapi.json, tried with generated requests on the running host.

Whatever is asked, the answer is one that the description knows (status, media type, form), and never a 5xx. Nothing is made or
switched by it: creates are asked for as dry runs, and what starts a run is asked of hubs that are not there.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.functions.web import ADMIN_KEY
from shared import names
from shared.clock import SystemClock
from shared.hubs.spec.model import Hub
from shared.hubs.status.parts import Release
from shared.hubs.store import ROW, TABLE, HubStore
from shared.meta.openapi import document
from shared.services import Services
from shared.settings import Settings
from tests.cloud import Cloud, Host

pytestmark = pytest.mark.story

EXAMPLES = 20
"""Generated requests per operation, besides those that try each field's limits."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
KNOWN = "contract"
"""A hub in the tables, with nothing in Azure."""
STARTS_RUNS = {
    ("DELETE", "/hubs/{name}"),
    ("POST", "/hubs/{name}/start"),
    ("POST", "/hubs/{name}/stop"),
    ("POST", "/hubs/{name}/stop/force"),
}
DRY = {("POST", "/hubs"), ("PATCH", "/hubs/{name}")}
"""Asked for as dry runs."""

schema = schemathesis.openapi.from_dict(document("http://127.0.0.1/api"))


@pytest.fixture(scope="module")
def known_hub(cloud: Cloud) -> Iterator[str]:
    services = Services(Settings.from_environ(cloud.environment), SystemClock())
    hubs = HubStore(services.tables)
    hubs.insert(Hub(name=KNOWN).resolved("westus"), datetime.now(UTC), "contract-run")  # noqa: TID251 - a test's record
    hubs.release(KNOWN, "contract-run", "ready")
    hubs.record(KNOWN, Release(chart="4.3.5"))
    yield KNOWN
    services.tables.table(TABLE).delete(KNOWN, ROW)


def steer(case: Any) -> None:
    """Towards the hub that there is, and away from what would start a run."""
    if (case.method, case.path) in DRY:
        query = case.query if isinstance(case.query, dict) else {}
        wanted = str(query.get("dryRun", "false")).lower()
        case.query = query | ({"dryRun": "true"} if wanted in ("false", "0") else {})
    hub = (case.path_parameters or {}).get("name")
    if isinstance(hub, str) and names.HUB.problem(hub) is None and (case.method, case.path) not in STARTS_RUNS:
        case.path_parameters["name"] = KNOWN


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_answer_is_one_that_the_description_knows(case: Any, host: Host, known_hub: str) -> None:
    steer(case)
    case.call_and_validate(base_url=f"{host.address}/api", headers={"x-functions-key": ADMIN_KEY}, checks=CHECKS)


LAST_DAY = {"date": "9999-12-31", "from": "09:00", "to": "24:00"}
EDGES: dict[str, tuple[str, str, Any, int, str]] = {
    "a time that UTC has not got": ("POST", "start", {"until": "9999-12-31T23:59:59-12:00"}, 400, "BadBody"),
    "a time before the first one": ("POST", "start", {"until": "0001-01-01T00:00:00+14:00"}, 400, "BadBody"),
    "a pause until then": ("POST", "pause", {"until": "9999-12-31T23:59:59-12:00"}, 400, "BadBody"),
    "the day after the last one": ("PUT", "schedule", {"timezone": "UTC", "on": [LAST_DAY]}, 400, "InvalidSchedule"),
    "half a character": ("PUT", "secrets/token", b'{"value": "\\ud83d"}', 400, "BadValue"),
    "NUL in a secret": ("PUT", "secrets/token", b'{"value": "\\u0000"}', 400, "BadValue"),
    "a number beyond doubles": ("POST", "postpone", b'{"minutes": 1e400}', 400, "BadValue"),
    "a number of thousands of digits": ("GET", f"calendar?days={'9' * 5000}", None, 400, "BadParameter"),
    "no cluster to be an admin of": ("GET", "kubeconfig", None, 404, "NoCluster"),
}
"""What generated requests and a look at the code's arithmetic found to come out as an internal error, or as Azure's fault."""


@pytest.mark.parametrize("case", EDGES)
def test_edges_of_what_can_be_asked(case: str, host: Host, known_hub: str) -> None:
    method, path, body, status, code = EDGES[case]
    answer = host.call(method, f"/api/hubs/{known_hub}/{path}", body, key=ADMIN_KEY)
    assert (answer.status, answer.json["code"]) == (status, code)


def test_a_region_that_there_is_not(host: Host) -> None:
    answer = host.get("/api/locations/atlantis/versions")
    assert (answer.status, answer.json["code"]) == (404, "LocationNotFound")


ODD = ("a'b", "a%00b", "a%2Fb", "%23", "a%5Cb", "x" * 2000, "%F0%9F%98%80", "%0a", "a'-" + "1" * 20, "a%00-" + "1" * 20)


@pytest.mark.parametrize("odd", ODD)
def test_odd_names_are_names_of_nothing(odd: str, host: Host) -> None:
    for path in ("", "/schedule", "/calendar", "/decisions", "/kubeconfig"):
        assert host.get(f"/api/hubs/{odd}{path}", key=ADMIN_KEY).status == 404, path
    for path in ("", "/retry", "/cancel"):
        assert host.call("POST" if path else "GET", f"/api/runs/{odd}{path}").status == 404, path
    for path in ("/runs", "/events"):
        assert host.get(f"/api/hubs/{odd}{path}").status in (200, 404), path
    assert host.delete(f"/api/hubs/{odd}?confirm={odd}").status in (400, 404)


def test_the_served_description_is_the_one_tried_here(host: Host) -> None:
    answer = host.get("/api/openapi.json", key=None)
    assert answer.status == 200
    assert answer.json == document(f"{host.address}/api")
