"""The host as a process, with the sample app."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.clock import FileClock
from local.functions.web import ADMIN_KEY
from tests.cloud import Host, call, copy_for_tests, wait_until

pytestmark = pytest.mark.local

APP = Path(__file__).parents[1] / "sample_app"


class Sample(Host):
    """The sample app's host, on a clock that the test moves."""

    clock: FileClock
    notes: Path

    def noted(self) -> list[dict[str, Any]]:
        """What its timers have written down."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [json.loads(line) for line in lines]

    def begin(self, orchestrator: str, instance: str, given: Any = None) -> None:
        answer = self.post(f"/api/start/{orchestrator}/{instance}", given)
        assert answer.status == 202, answer

    def end(self, instance: str) -> Any:
        """The orchestration's state when it has ended."""
        return wait_until(lambda: self._ended(instance), what=f"the end of {instance}")

    def _ended(self, instance: str) -> Any:
        state = self.state(instance)
        return state if state and state["status"] in ("COMPLETED", "FAILED", "TERMINATED") else None

    def looked_at(self, timer: str) -> datetime | None:
        """When the host last wrote down when the timer fires next."""
        file = self.copy.state / "functions" / "timers" / f"{timer}.json"
        return datetime.fromisoformat(json.loads(file.read_text())["LastUpdated"]) if file.exists() else None

    def state(self, instance: str) -> Any:
        return self.get(f"/api/state/{instance}").json


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    state = tmp_path_factory.mktemp("sample")
    with copy_for_tests(state, APP, first=14_000) as copy:
        notes = state / "notes"
        variables = {"SAMPLE_NOTES": str(notes), "SAMPLE_SCHEDULE": "0 0 0 30 2 *"}
        running = Sample(copy, variables)
        running.clock, running.notes = FileClock(copy.state / "clock.json"), notes
        running.start()
        yield running


@pytest.fixture(autouse=True)
def _fresh(sample: Sample) -> None:
    sample.start()
    sample.clock.set(rate=1)


def test_a_request_reaches_its_function_as_azure_hands_it_over(sample: Sample) -> None:
    answer = sample.post("/api/echo/a%20b/7?x=1&x=2&y=", b"\xff\x00raw", headers={"X-Mixed-Case": "Kept"})
    seen = answer.json
    assert (answer.status, answer.headers["x-sample"], seen["method"]) == (200, "yes", "POST")
    assert seen["route"] == {"word": "a b", "number": "7"}
    assert seen["params"] == {"x": "1,2", "y": ""}
    assert seen["headers"]["x-mixed-case"] == "Kept"
    assert seen["body"] == "\xff\x00raw"
    assert seen["url"] == f"{sample.address}/api/echo/a%20b/7?x=1&x=2&y="


def test_routes_are_matched_by_specificity_method_and_constraint(sample: Sample) -> None:
    assert sample.get("/api/echo/fixed").json == "fixed"
    assert sample.get("/API/Echo/other").json["route"] == {"word": "other"}
    assert sample.get("/api/echo/a/b").status == 404
    assert sample.get("/api/files/a/b.txt").json == "a/b.txt"
    assert sample.delete("/api/echo/a").status == 404
    assert sample.call("HEAD", "/api/echo/a").status == 200
    refused = sample.call("HEAD", "/api/hidden", key=ADMIN_KEY)
    assert (refused.status, refused.headers["allow"]) == (405, "POST")
    assert sample.get("/nowhere").status == 404


def test_keys_open_what_their_level_allows(sample: Sample) -> None:
    paths = {"anonymous": ("GET", "/api/echo/a"), "function": ("GET", "/api/files/a"), "admin": ("POST", "/api/hidden")}
    expected = {
        None: {"anonymous": 200, "function": 401, "admin": 401},
        "wrong": {"anonymous": 200, "function": 401, "admin": 401},
        "local": {"anonymous": 200, "function": 200, "admin": 401},
        ADMIN_KEY: {"anonymous": 200, "function": 200, "admin": 201},
    }
    got = {key: {level: sample.call(*request, key=key).status for level, request in paths.items()} for key in expected}
    assert got == expected
    assert sample.get("/api/files/a?code=local", key=None).status == 200


def test_a_function_that_raises_is_an_empty_500_and_its_trace_is_in_the_log(sample: Sample) -> None:
    answer = sample.get("/api/broken")
    assert (answer.status, answer.json) == (500, None)
    log = sample.copy.log("functions").read_text()
    assert "[broken] broken failed" in log
    assert "RuntimeError: it does not work" in log


def test_a_function_that_takes_too_long_is_given_up(sample: Sample) -> None:
    began = time.monotonic()
    assert sample.get("/api/slow?seconds=5").status == 500
    assert time.monotonic() - began < 4
    assert "slow took longer than functionTimeout" in sample.copy.log("functions").read_text()


def test_slow_functions_do_not_hold_up_the_others(sample: Sample) -> None:
    sample.begin("busy", "busy-1", 1.5)
    began = time.monotonic()
    assert sample.get("/api/echo/fixed").status == 200
    assert time.monotonic() - began < 1.4


def test_a_context_parameter_and_log_levels_are_honoured(sample: Sample) -> None:
    assert sample.get("/api/quiet").json == "quiet"
    log = sample.copy.log("functions").read_text()
    assert "[quiet] everybody hears this" in log
    assert "nobody hears this" not in log


def test_bodies_over_100_mb_are_refused(sample: Sample) -> None:
    headers = {"content-length": str(104_857_601)}
    assert sample.call("POST", "/api/echo/a", b"", headers=headers).status == 413


def test_the_admin_calls_need_the_admin_key(sample: Sample) -> None:
    assert sample.get("/").status == 200
    assert sample.get("/admin/host/status").status == 401
    assert sample.get("/admin/host/status", key=ADMIN_KEY).json["state"] == "Running"
    names = [each["name"] for each in sample.get("/admin/functions", key=ADMIN_KEY).json]
    assert {"echo", "every_five_minutes", "chain", "add_one"} <= set(names)


def test_a_timer_can_be_fired_by_hand(sample: Sample) -> None:
    def fired() -> list[dict[str, Any]]:
        return [run for run in sample.noted() if run["timer"] == "every_six_hours"]

    before = len(fired())
    assert sample.post("/admin/functions/every_six_hours", {}, key="local").status == 401
    assert sample.post("/admin/functions/nothing", {}, key=ADMIN_KEY).status == 404
    assert sample.post("/admin/functions/echo", {}, key=ADMIN_KEY).status == 400
    sample.fire("Every_Six_Hours")
    wait_until(lambda: len(fired()) > before)
    assert fired()[before]["past_due"] is False


def test_timers_follow_the_virtual_clock_and_its_jumps_and_survive_a_killed_host(sample: Sample) -> None:
    timers = ("every_five_minutes", "every_six_hours")
    start, six = datetime(2027, 1, 4, 5, 58, tzinfo=UTC), datetime(2027, 1, 4, 6, 0, tzinfo=UTC)
    sample.clock.set(start, rate=0)
    wait_until(lambda: {sample.looked_at(timer) for timer in timers} == {start})
    before = len(sample.noted())
    sample.clock.set(six)
    wait_until(lambda: len(sample.noted()) == before + 2)
    assert {each["timer"] for each in sample.noted()[before:]} == set(timers)
    # Before a run has ended, the next one counts as held up by it, and not as past due.
    wait_until(lambda: {sample.looked_at(timer) for timer in timers} == {six})
    sample.clock.set(datetime(2027, 1, 6, 7, 1, tzinfo=UTC))
    wait_until(lambda: len(sample.noted()) == before + 4)
    assert [each["past_due"] for each in sample.noted()[before:]] == [False, False, True, True]
    sample.kill()
    sample.clock.set(datetime(2027, 1, 6, 9, 1, tzinfo=UTC))
    sample.start()
    wait_until(lambda: len(sample.noted()) == before + 5)
    time.sleep(0.3)
    assert len(sample.noted()) == before + 5
    last = sample.noted()[-1]
    assert (last["timer"], last["past_due"]) == ("every_five_minutes", True)
    assert last["status"]["Last"].startswith("2027-01-06T07:01:00")


def test_a_chain_of_activities_runs_in_order(sample: Sample) -> None:
    """What a hop costs is a row of the benchmark table (each_hop)."""
    sample.begin("chain", "chain", 15)
    assert sample.end("chain")["output"] == 15


def test_activities_fan_out_and_the_custom_status_shows(sample: Sample) -> None:
    sample.begin("fan_out", "wide", 20)
    ended = sample.end("wide")
    assert (ended["status"], ended["output"]) == ("COMPLETED", list(range(1, 21)))
    assert ended["custom"] == {"width": 20}


def test_durable_timers_fire_when_the_virtual_clock_passes_them(sample: Sample) -> None:
    sample.clock.set(datetime(2027, 2, 1, 8, 0, tzinfo=UTC), rate=0)
    sample.begin("timed", "timed-1", 90)
    time.sleep(0.2)
    assert sample.state("timed-1")["status"] == "RUNNING"
    sample.clock.advance(timedelta(minutes=89))
    time.sleep(0.1)
    assert sample.state("timed-1")["status"] == "RUNNING"
    sample.clock.advance(timedelta(minutes=2))
    ended = sample.end("timed-1")
    assert ended["output"] == ["2027-02-01T08:00:00", "2027-02-01T09:31:00"]
    assert ended["created"] == "2027-02-01T08:00:00"


def test_a_faster_clock_makes_timers_come_sooner(sample: Sample) -> None:
    sample.clock.set(rate=36_000)
    began = time.monotonic()
    sample.begin("timed", "timed-2", 120)
    assert sample.end("timed-2")["status"] == "COMPLETED"
    assert 0.1 < time.monotonic() - began < 10


def test_activities_are_retried_after_their_intervals(sample: Sample) -> None:
    sample.clock.set(datetime(2027, 3, 1, tzinfo=UTC), rate=600)
    sample.begin("retried", "retried-1", 2)
    assert sample.end("retried-1")["output"] == 3
    assert sample.clock.now() > datetime(2027, 3, 1, 0, 3, tzinfo=UTC)
    sample.begin("retried", "retried-2", 3)
    ended = sample.end("retried-2")
    assert ended["status"] == "FAILED"
    assert "not yet" in ended["failure"]["message"]


def test_a_failed_activity_has_the_exceptions_type_and_message(sample: Sample) -> None:
    sample.begin("caught", "caught-1")
    assert sample.end("caught-1")["output"] == {"type": "KeyError", "message": "'not yet'"}


def test_an_orchestration_that_raises_fails(sample: Sample) -> None:
    sample.begin("failing", "failing-1", 5)
    ended = sample.end("failing-1")
    assert (ended["status"], ended["failure"]["message"]) == ("FAILED", "5 will not do")


def test_a_sub_orchestration_hands_up_its_result_or_its_failure(sample: Sample) -> None:
    sample.begin("parent", "parent-1", "child_of")
    assert sample.end("parent-1")["output"] == {"parent": "parent-1", "total": 3}
    sample.begin("parent", "parent-2", "failing")
    assert sample.end("parent-2")["output"]["message"] == "2 will not do"
    assert sample.state("parent-2:child")["status"] == "FAILED"


def test_what_does_not_exist_fails_the_orchestration(sample: Sample) -> None:
    sample.begin("nothing", "nothing-1")
    assert "doesn't exist" in sample.end("nothing-1")["failure"]["message"]


def test_the_first_of_an_event_and_a_timer_wins(sample: Sample) -> None:
    sample.clock.set(rate=0)
    sample.begin("first_of", "first-1", 10)
    sample.begin("first_of", "first-2", 10)
    wait_until(lambda: sample.state("first-1")["status"] == "RUNNING")
    sample.post("/api/do/go/first-1", {"by": "hand"})
    assert sample.end("first-1")["output"] == {"by": "hand"}
    sample.clock.advance(timedelta(minutes=11))
    assert sample.end("first-2")["output"] == "late"


def test_an_orchestration_can_be_terminated_purged_and_started_again(sample: Sample) -> None:
    sample.begin("busy", "again", 1.0)
    sample.post("/api/do/terminate/again")
    ended = sample.end("again")
    assert (ended["status"], ended["output"]) == ("TERMINATED", "stopped")
    assert sample.post("/api/start/busy/again", 0).status == 500
    assert sample.post("/api/do/purge/again").json == 1
    assert sample.state("again") is None
    sample.begin("busy", "again", 1.6)
    assert sample.end("again")["output"] == 1.6, "the first life's activity has answered the second"


def test_an_orchestration_can_be_suspended_and_resumed(sample: Sample) -> None:
    sample.begin("first_of", "asleep", 600)
    sample.post("/api/do/suspend/asleep")
    wait_until(lambda: sample.state("asleep")["status"] == "SUSPENDED")
    sample.post("/api/do/go/asleep", 1)
    time.sleep(0.1)
    assert sample.state("asleep")["status"] == "SUSPENDED"
    sample.post("/api/do/resume/asleep")
    assert sample.end("asleep")["output"] == 1


def test_an_orchestration_can_continue_as_new(sample: Sample) -> None:
    sample.begin("renewed", "renewed-1", 5)
    assert sample.end("renewed-1")["output"] == "renewed"


def test_a_killed_host_forgets_its_orchestrations(sample: Sample) -> None:
    sample.begin("timed", "lost", 600)
    sample.kill()
    with pytest.raises(OSError, match="refused"):
        call("GET", f"{sample.address}/")
    sample.start()
    assert sample.state("lost") is None


def test_disabled_functions_are_not_there(sample: Sample) -> None:
    sample.stop()
    disabled = Host(sample.copy, {**sample._variables, "AzureWebJobs.fixed.Disabled": "true"})
    disabled.start()
    assert disabled.get("/api/echo/fixed").json["route"] == {"word": "fixed"}
    disabled.stop()
