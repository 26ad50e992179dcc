"""The fixtures that other tests stand on."""

from datetime import timedelta

import pytest

from tests.cloud import Cloud, Host

pytestmark = pytest.mark.local


def test_the_cloud_answers_and_obeys(cloud: Cloud) -> None:
    before = cloud.control.now()
    cloud.control.advance(timedelta(hours=3))
    assert cloud.control.now() - before >= timedelta(hours=3)
    cloud.control.fault(service="arm", path="/nothing", status=503)
    assert [fault["status"] for fault in cloud.control.faults()] == [503]


def test_the_next_test_finds_no_faults(cloud: Cloud) -> None:
    assert cloud.control.faults() == []


def test_the_cloud_keeps_its_state_over_a_restart(cloud: Cloud) -> None:
    cloud.control.speed(7)
    resources = cloud.control.resources()
    cloud.restart()
    assert cloud.control.resources() == resources


def test_the_host_serves_the_product_and_its_keys(host: Host) -> None:
    assert host.get("/api/hubs", key=None).status == 401
    status, headers, body = host.get("/api/hubs")
    assert (status, headers["content-type"], body) == (200, "application/json", {"hubs": []})


def test_the_host_may_be_killed(host: Host) -> None:
    host.kill()


def test_the_next_test_finds_it_alive(host: Host) -> None:
    assert host.get("/api/health").status == 200
    host.fire("reconcile_runs")
