"""What people ask of a hub's power by hand, from a Saturday to the Wednesday after it, and what the schedule makes of it.

The tests are one story on one clock; each begins where the one before it ended.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from azure.data.tables import TableServiceClient

from local.environment import storage
from local.functions.web import ADMIN_KEY
from tests.cloud import Answer, Cloud, Host, wait_until
from tests.stories.conftest import gone, steps
from tests.stories.power import ZONE, Person, Week, office

pytestmark = pytest.mark.story

HUB = "hand"
SECOND = timedelta(seconds=1)


class Days(Week):
    saturday: datetime

    def on(self, day: int, time: str) -> datetime:
        """day: 0 is the Saturday. time: local."""
        hours, minutes = map(int, time.split(":"))
        return (self.saturday + timedelta(days=day)).replace(hour=hours, minute=minutes).astimezone(UTC)


def refused(answer: Answer, status: int, code: str) -> dict[str, Any]:
    assert (answer.status, answer.json["code"]) == (status, code), answer.json
    assert answer.json["advice"]
    return dict(answer.json)


@pytest.fixture(scope="module")
def week(cloud: Cloud, host: Host) -> Iterator[Days]:
    """Made on a Saturday at ten: on for two hours, to be looked at."""
    days = Days(cloud, host, HUB)
    today = days.now.astimezone(ZoneInfo(ZONE))
    ahead = (5 - today.weekday()) % 7 + 7
    days.saturday = (today + timedelta(days=ahead)).replace(hour=0, minute=0, second=0, microsecond=0)
    cloud.control.clock(days.on(0, "10:01"))
    try:
        made = host.post("/api/hubs", {"name": HUB, "schedule": office()})
        assert made.status == 202, made.json
        for verb in ("start", "stop"):
            assert "create" in refused(days.ask(verb), 409, "RunOpen")["detail"]
        assert host.wait_run(made.headers["Location"], 300)["status"] == "succeeded"
        assert "just been created" in days.power()["override"]["reason"]  # and nothing of what was refused
        yield days
    finally:
        cloud.calm()
        cloud.control.clock(rate=60)  # a run that waits is at its next look soon
        gone(host, HUB)


BAD: list[tuple[str, str, Any, str, str]] = [
    ("POST", "start", b"{not json", "NotJson", ""),
    ("POST", "start", [], "BadBody", ""),
    ("POST", "start", {"fro": "2h"}, "BadBody", "fro"),
    ("POST", "start", {"for": "2 hours"}, "BadBody", "for"),
    ("POST", "start", {"for": "0m"}, "BadBody", "for"),
    ("POST", "start", {"for": 2}, "BadBody", "for"),
    ("POST", "start", {"until": "tomorrow"}, "BadBody", "until"),
    ("POST", "start", {"until": "2126-12-01T18:00:00"}, "BadBody", "until"),
    ("POST", "start", {"until": "9999-12-31T23:59:59-23:59"}, "BadBody", "until"),
    ("POST", "start", {"until": "2020-12-01T18:00:00Z"}, "BadEnd", "until"),
    ("POST", "start", {"for": "32d"}, "BadEnd", "until"),
    ("POST", "start", {"for": "2h", "until": "2126-12-01T18:00:00Z"}, "BadEnd", "until"),
    ("POST", "start", {"reason": "x" * 201}, "BadBody", "reason"),
    ("POST", "stop", {"force": True}, "BadBody", "force"),
    ("POST", "stop", {"reason": 7}, "BadBody", "reason"),
    ("POST", "postpone", {"minutes": 0}, "BadBody", "minutes"),
    ("POST", "postpone", {"minutes": "30"}, "BadBody", "minutes"),
    ("POST", "postpone", {"minutes": 721}, "BadBody", "minutes"),
    ("POST", "pause", {}, "BadBody", "until"),
    ("POST", "pause", {"until": "2020-12-01T18:00:00Z"}, "BadBody", "until"),
    ("POST", "pause", {"until": "2126-12-01T18:00:00Z"}, "BadBody", "until"),
    ("PUT", "schedule", b"", "NotJson", ""),
    ("PUT", "schedule", [], "InvalidSchedule", ""),
    ("PUT", "schedule", {"timezone": "PST", "windows": []}, "InvalidSchedule", "timezone"),
    ("GET", "calendar?days=0", None, "BadParameter", "days"),
    ("GET", "calendar?days=401", None, "BadParameter", "days"),
    ("GET", "decisions?limit=x", None, "BadParameter", "limit"),
]


@pytest.mark.parametrize(("method", "path", "body", "code", "field"), BAD)
def test_bad_input_is_named_and_changes_nothing(
    week: Days, method: str, path: str, body: Any, code: str, field: str
) -> None:
    before = week.seen()
    problem = refused(week.host.call(method, f"/api/hubs/{HUB}/{path}", body), 400, code)
    assert field in [error["field"] for error in problem["errors"]]
    assert week.seen() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "start"), ("POST", "stop"), ("POST", "postpone"), ("DELETE", "pause"), ("GET", "schedule"),
        ("PUT", "schedule"), ("GET", "calendar"), ("GET", "decisions"),
    ],
)  # fmt: skip
def test_nothing_can_be_asked_of_a_hub_that_is_not_there(host: Host, method: str, path: str) -> None:
    answer = host.call(method, f"/api/hubs/nobody/{path}", office() if method == "PUT" else None)
    refused(answer, 404, "HubNotFound")


def test_to_force_a_stop_takes_the_admin_key(week: Days) -> None:
    assert week.ask("stop/force").status == 401


def test_a_start_of_a_started_hub_is_success_and_holds_it(week: Days) -> None:
    answer = week.ask("start", {"for": "3h", "reason": "the demo"})
    assert (answer.status, answer.json["run"]) == (200, None)
    assert answer.json["power"]["desired"] == "on"
    override = week.power()["override"]
    assert (override["state"], override["by"], override["reason"]) == ("on", "api", "the demo")
    assert timedelta(hours=2, minutes=59) < datetime.fromisoformat(override["until"]) - week.now <= timedelta(hours=3)


def test_a_stop_holds_until_the_next_window_and_is_told(week: Days) -> None:
    answer = week.ask("stop", {"reason": "saving money"})
    assert answer.status == 202
    run = week.through(answer.headers["Location"])
    assert (run["status"], run["requestedBy"], run["reason"]) == ("succeeded", "api", "saving money")
    power = week.power()
    assert (power["actual"], power["desired"]) == ("off", "off")
    assert power["reason"].startswith("Stopped by api until Mon")
    assert power["override"]["until"] == week.on(2, "08:00").isoformat().replace("+00:00", "Z")
    assert "saving money" in week.events("stopped")[0]["message"]
    again = week.ask("stop")
    assert (again.status, again.json["run"]) == (200, None)


def test_a_start_soon_after_a_stop_is_queued_shown_and_then_happens(week: Days) -> None:
    answer = week.ask("start", {"for": "6h", "reason": "grading"})
    assert answer.status == 202
    run_id = answer.json["run"]["id"]
    wait_until(lambda: "AKS asks for 15 minutes" in str(week.last_run()["steps"]), 30)
    assert week.last_run()["status"] == "running"
    assert week.switched("start") == []
    assert week.ask("start", {"for": "6h", "reason": "grading"}).json["run"]["id"] == run_id
    week.at(week.now + timedelta(minutes=16))
    assert week.through(run_id)["status"] == "succeeded"
    assert len(week.switched("start")) == 1
    stop_ended = next(run["ended"] for run in week.runs("stop"))
    rested = datetime.fromisoformat(week.switched("start")[0]) - datetime.fromisoformat(stop_ended)
    assert rested >= timedelta(minutes=15) - SECOND


def test_items_16_and_17_saturdays_start_is_not_undone_by_the_ticks(week: Days) -> None:
    stops = week.switched("stop")
    for _ in range(3):
        week.tick()
    week.at(week.on(0, "14:00") + SECOND)
    assert week.switched("stop") == stops
    assert week.power()["actual"] == "on"
    assert "grading" in week.power()["reason"]


def test_item_22_a_start_while_a_stop_runs_waits_its_turn_and_says_so(week: Days) -> None:
    week.cloud.control.speed(1)
    stop = week.ask("stop").json["run"]["id"]
    wait_until(lambda: steps(week.last_run())["power-off"] == "running", 15)
    refused(week.ask("postpone"), 409, "NoStopToPostpone")  # by hand in the night: there is no window to go on with
    answer = week.ask("start", {"for": "3h"})
    assert answer.status == 202
    start = answer.json["run"]
    assert (start["status"], start["kind"]) == ("queued", "start")
    assert start["steps"][0]["message"] == f"Waiting until run {stop} (stop) has ended."
    assert week.ask("start").json["run"]["id"] == start["id"]
    week.cloud.control.speed(0)
    week.at(week.now + timedelta(minutes=3))
    assert week.through(stop)["status"] == "succeeded"
    week.at(week.now + timedelta(minutes=2))  # the sweep begins it
    wait_until(lambda: "AKS asks for 15 minutes" in str(week.last_run()["steps"]), 30)
    week.at(week.now + timedelta(minutes=15))
    assert week.through(start["id"])["status"] == "succeeded"
    assert week.power()["actual"] == "on"


def test_item_22_the_last_wish_wins_over_a_start_that_is_still_queued(week: Days) -> None:
    assert week.through(week.ask("stop").headers["Location"])["status"] == "succeeded"
    starts = week.switched("start")
    start = week.ask("start").json["run"]["id"]
    wait_until(lambda: "AKS asks for 15 minutes" in str(week.last_run()["steps"]), 30)
    stop = week.ask("stop", {"reason": "by mistake"}).json["run"]["id"]
    week.at(week.now + timedelta(minutes=2))
    called_off = week.host.wait_run(start)
    assert (called_off["status"], called_off["error"]["code"]) == ("cancelled", "NotWanted")
    assert "by mistake" in called_off["error"]["message"]
    week.at(week.now + timedelta(minutes=2))
    assert week.through(stop)["status"] == "succeeded"
    week.at(week.now + timedelta(minutes=20))
    assert week.switched("start") == starts
    assert week.power()["actual"] == "off"
    assert week.events("failed") == []


def test_a_stop_that_is_not_coming_cannot_be_put_off(week: Days) -> None:
    refused(week.ask("postpone"), 409, "NoStopToPostpone")


def test_on_monday_the_schedule_takes_over_and_a_stop_is_put_off_by_hand(week: Days) -> None:
    week.at(week.on(2, "07:56"))
    assert week.ended()["requestedBy"] == "schedule"
    week.at(week.on(2, "17:50"))
    assert week.power()["override"] is None
    answer = week.ask("postpone", {"minutes": 30})
    assert datetime.fromisoformat(answer.json["postponedUntil"]) == week.on(2, "18:30")
    assert week.events("postponed")[0]["data"]["by"] == "api"
    week.at(week.on(2, "18:05") + SECOND)
    assert week.power()["actual"] == "on"
    assert "postponed" in week.power()["reason"]


def test_item_30_nothing_is_forgotten_when_the_host_is_started_again(week: Days) -> None:
    before = week.power()
    week.host.kill()
    week.host.start()
    assert week.power() == before
    week.at(week.on(2, "18:20") + SECOND)
    assert week.power()["actual"] == "on"


def test_a_stop_that_waits_for_people_is_called_off_by_a_postponement_and_that_is_no_failure(week: Days) -> None:
    ann = Person(week, "ann")
    ann.spawn()
    ann.work(week.on(2, "18:40"))
    week.at(week.on(2, "18:30") + SECOND)
    stop = week.last_run()["id"]
    wait_until(lambda: "ann is at work" in str(week.last_run()["steps"]), 30)
    answer = week.ask("postpone", {"minutes": 720})
    assert datetime.fromisoformat(answer.json["postponedUntil"]) == week.on(2, "20:00"), "the cap"
    week.at(week.on(2, "18:33"))
    run = week.through(stop)
    assert (run["status"], run["error"]["code"]) == ("cancelled", "NotWanted")
    assert week.events("failed") == []
    week.at(week.on(2, "19:55") + SECOND)
    assert week.power()["actual"] == "on"


def test_a_forced_stop_waits_for_nobody_even_when_one_waits_already(week: Days) -> None:
    stop = week.ask("stop").json["run"]["id"]
    wait_until(lambda: "Servers running: ann" in str(week.last_run()["steps"]), 30)
    forced = week.ask("stop/force", {"reason": "a fire alarm"}, key=ADMIN_KEY)
    assert forced.json["run"]["id"] == stop
    week.cloud.control.speed(1)
    week.at(week.on(2, "19:58"))
    wait_until(lambda: steps(week.last_run())["power-off"] == "running", 30)
    assert "The stop is forced" in str(week.last_run()["steps"])
    refused(week.ask("postpone"), 409, "StopUnderWay")
    week.cloud.control.speed(0)
    week.at(week.on(2, "20:01"))
    assert week.through(stop)["status"] == "succeeded"


def test_a_pause_stops_and_starts_nothing_until_it_is_ended(week: Days) -> None:
    week.at(week.on(3, "07:56"))
    assert week.ended()["kind"] == "start"
    until = week.on(6, "12:00").isoformat()
    answer = week.ask("pause", {"until": until, "reason": "the workshop"})
    assert answer.json["schedule"]["pause"]["reason"] == "the workshop"
    stops = week.switched("stop")
    for time in ("17:50", "18:05", "19:00"):
        week.at(week.on(3, time) + SECOND)
    assert week.switched("stop") == stops
    power = week.power()
    assert (power["actual"], power["desired"]) == ("on", None)
    assert "paused" in power["reason"]
    assert "the workshop" in power["reason"]
    ended = week.host.delete(f"/api/hubs/{HUB}/pause")
    assert ended.json["schedule"].get("pause") is None


def test_item_20_an_edit_makes_no_edge_in_the_past(week: Days) -> None:
    """Ending the pause in the evening would stop the hub at once: it is left half an hour, and then goes off."""
    stops = week.switched("stop")
    week.at(week.on(3, "19:06"))
    week.at(week.on(3, "19:26"))
    assert week.switched("stop") == stops
    assert "counts from" in week.power()["reason"]
    week.at(week.on(3, "19:36"))
    assert week.ended()["kind"] == "stop"


def test_a_schedule_is_read_written_and_shown_as_a_calendar(week: Days) -> None:
    put = week.host.put(f"/api/hubs/{HUB}/schedule", office(stopWhenIdle=30))
    assert put.status == 200
    assert week.host.get(f"/api/hubs/{HUB}/schedule").json == {"schedule": put.json["schedule"]}
    both = office() | {"windows": [office()["windows"][0], {"days": ["mon"], "from": "17:00", "to": "19:00"}]}
    assert week.host.put(f"/api/hubs/{HUB}/schedule", both).json["warnings"][0]["code"] == "Overlap"
    wrong = {"timezone": "PST", "windows": [{"days": ["mon"], "from": "08:00", "to": "25:00"}], "off": [{}]}
    problem = refused(week.host.put(f"/api/hubs/{HUB}/schedule", wrong), 400, "InvalidSchedule")
    assert {"timezone", "windows[0].to", "off[0].from"} <= {error["field"] for error in problem["errors"]}
    assert week.host.put(f"/api/hubs/{HUB}/schedule", office()).json["warnings"] == []
    edges = week.host.get(f"/api/hubs/{HUB}/calendar?days=7").json["edges"]
    assert [edge["to"] for edge in edges] == ["on", "off"] * 5
    assert edges[0]["local"].endswith(("T08:00:00-08:00", "T08:00:00-07:00"))
    assert all(edge["reason"] for edge in edges)


def test_rule_11_a_schedule_that_cannot_be_read_stops_no_hub_and_says_so(week: Days) -> None:
    week.at(week.on(4, "07:56"))
    assert week.ended()["kind"] == "start"
    rewrite(week, "Mars/Olympus")
    stops = week.switched("stop")
    for time in ("17:50", "18:05", "18:30"):
        week.at(week.on(4, time) + SECOND)
    assert week.switched("stop") == stops
    power = week.power()
    assert (power["actual"], power["desired"]) == ("on", None)
    assert "cannot be read (timezone)" in power["reason"]
    assert "cannot be read" in week.decisions()[0]["reason"]
    refused(week.host.get(f"/api/hubs/{HUB}/calendar"), 409, "UnreadableSchedule")
    refused(week.ask("pause", {"until": week.on(6, "12:00").isoformat()}), 409, "UnreadableSchedule")
    assert week.host.get(f"/api/hubs/{HUB}/schedule").json["schedule"]["timezone"] == "Mars/Olympus"
    week.host.fire("daily_upkeep")
    wait_until(lambda: any("cannot be read" in event["message"] for event in week.events("warning")), 30)
    answer = week.ask("stop", {"reason": "by hand it still works"})
    assert week.through(answer.headers["Location"])["status"] == "succeeded"


def test_an_idle_hub_goes_off_outside_its_hours(week: Days) -> None:
    assert week.host.put(f"/api/hubs/{HUB}/schedule", office(stopWhenIdle=30)).status == 200
    week.at(week.on(4, "20:00") + SECOND)
    answer = week.ask("start", {"for": "5h"})
    assert week.through(answer.headers["Location"])["status"] == "succeeded"
    week.at(week.on(4, "20:25") + SECOND)
    assert week.power()["actual"] == "on"
    Person(week, "ann")  # logs in, and that is to use it
    week.at(week.on(4, "20:45") + SECOND)
    assert week.power()["actual"] == "on"
    week.at(week.on(4, "21:05") + SECOND)
    week.at(week.on(4, "21:10") + SECOND)
    assert week.ended()["kind"] == "stop"
    assert "Nobody had used it for 30 minutes" in week.power()["reason"]


def test_item_25_and_26_a_host_that_slept_for_days_does_what_is_right_now(week: Days) -> None:
    """From Wednesday night to Friday noon: Thursday is not made up for, and Friday's start happens though it is late."""
    before = len(week.runs())
    week.host.stop()
    week.cloud.control.clock(week.on(6, "12:01"))
    week.host.start()
    wait_until(lambda: len(week.runs()) > before, 20)
    run = week.ended()
    assert (run["kind"], run["requestedBy"], run["status"]) == ("start", "schedule", "succeeded")
    week.tick()
    assert len(week.runs()) == before + 1
    assert week.power()["actual"] == "on"


def test_a_hub_without_a_schedule_has_no_pause_and_is_on(week: Days) -> None:
    assert week.host.put(f"/api/hubs/{HUB}/schedule", b"null").status == 200
    refused(week.ask("pause", {"until": week.on(8, "12:00").isoformat()}), 409, "NoSchedule")
    assert week.power()["desired"] == "on"
    assert week.host.get(f"/api/hubs/{HUB}/calendar").json == {"edges": []}


def rewrite(week: Days, zone: str) -> None:
    """As when the time zone database has dropped a zone: what was valid once cannot be read any more."""
    with TableServiceClient.from_connection_string(storage(week.cloud.ports)) as service:
        table = service.get_table_client("hubs")
        row = table.get_entity(HUB, "hub")
        spec = json.loads(row["spec"])
        spec["schedule"]["timezone"] = zone
        row["spec"] = json.dumps(spec)
        table.update_entity(row)
