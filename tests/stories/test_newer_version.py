"""An app of a newer version, whose plans are others, finishes the runs that an older one began."""

import shutil
from pathlib import Path

import pytest

from local.azurite import ROOT
from local.processes import Copy
from tests.cloud import Cloud, Host, wait_until
from tests.stories.conftest import gone, steps

pytestmark = pytest.mark.story

HUB = "older"
CREATE = Path("shared/lifecycle/create")


def changed(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert text.count(before) == 1, f"{path} has {before!r} not once"
    path.write_text(text.replace(before, after))


@pytest.fixture
def newer(cloud: Cloud, tmp_path: Path) -> Host:
    """The app with other plans of a create: `credentials` has become `connect`, and a step `greet` comes last."""
    app = tmp_path / "newer"
    shutil.copytree(ROOT / "shared", app / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("function_app.py", "host.json"):
        shutil.copy(ROOT / name, app / name)
    plan, workflow = app / CREATE / "steps.py", app / CREATE / "workflow.py"
    plan.write_text(plan.read_text().replace('"credentials"', '"connect"'))
    changed(plan, 'after=("name",)),\n', 'after=("name",)),\n    Step("greet", "Greet", 1, after=("usable",)),\n')
    changed(workflow, '"credentials": release.connect', '"connect": release.connect')
    changed(
        workflow,
        '"usable": usable.wait_until_usable',
        '"usable": usable.wait_until_usable, "greet": cluster.register_providers',
    )
    changed(workflow, 'hub_at_work="creating"', 'hub_at_work="creating", aliases={"credentials": "connect"}')
    return Host(Copy(cloud.copy.state, cloud.copy.ports, app, tied=True))


def test_a_create_goes_on_by_its_own_plan_when_another_version_is_deployed_in_the_middle(
    cloud: Cloud, host: Host, newer: Host
) -> None:
    before = cloud.control.resources()
    held = {"service": "arm", "method": "GET", "path": "ContainerService/locations/.*/operations/"}
    cloud.control.fault(**held, happens="held", seconds=30.0)
    location = host.post("/api/hubs", {"name": HUB}).headers["Location"]
    wait_until(lambda: any(fault["hits"] for fault in cloud.control.faults()), 60, "the cluster is being made")
    asked_for = list(steps(host.get(f"/api/runs/{location.rsplit('/', 1)[-1]}").json))
    host.kill()
    cloud.control.clear_faults()
    newer.start()
    try:
        newer.fire("reconcile_runs")
        run = newer.wait_run(location, 300)
        assert run["status"] == "succeeded", run
        assert list(steps(run)) == asked_for
        assert {"credentials"} == set(asked_for) & {"credentials", "connect", "greet"}
        planned = newer.post("/api/hubs?dryRun=true", {"name": "another"}).json["steps"]
        assert {"connect", "greet"} == {step["name"] for step in planned} & {"credentials", "connect", "greet"}
    finally:
        newer.stop()
        host.start()
        gone(host, HUB)
    assert cloud.control.resources() == before
