"""A whole week of a hub with work hours, on a clock that is moved: each day with the trouble that other schedulers had with it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.cloud import Cloud, Host, wait_until
from tests.stories.conftest import create, gone
from tests.stories.power import OFFICE, ZONE, Person, Week

pytestmark = pytest.mark.story

CAPACITY = {"operation": "start", "code": "AksCapacityHeavyUsage", "message": "No room in westus now.", "times": 1}


class Days(Week):
    """A week whose days have names."""

    monday: datetime

    def on(self, day: int, time: str) -> datetime:
        """day: 0 is Monday. time: local."""
        hours, minutes = map(int, time.split(":"))
        return (self.monday + timedelta(days=day)).replace(hour=hours, minute=minutes).astimezone(UTC)


@pytest.fixture(scope="module")
def week(cloud: Cloud, host: Host) -> Iterator[Days]:
    """Hub r5, made on a Sunday and asleep when its start by making has ended; Wednesday is off."""
    days = Days(cloud, host, "r5")
    today = days.now.astimezone(ZoneInfo(ZONE))
    sunday = (today + timedelta(days=7 + 6 - today.weekday())).replace(hour=12, minute=1, second=0, microsecond=0)
    days.monday = sunday.replace(hour=0, minute=0) + timedelta(days=1)
    cloud.control.clock(sunday)
    wednesday = days.on(2, "12:00").date().isoformat()
    schedule = {"timezone": ZONE, "windows": [OFFICE], "off": [{"from": wednesday, "to": wednesday}], "maxPostpone": 60}
    try:
        assert create(host, {"name": "r5", "schedule": schedule})["status"] == "succeeded"
        cloud.control.clear_requests()
        days.tick()
        assert days.power()["actual"] == "on"
        assert "just been created" in days.power()["reason"]
        days.at(sunday + timedelta(hours=2, minutes=10))
        assert days.ended()["status"] == "succeeded"
        assert days.power()["actual"] == "off"
        yield days
    finally:
        cloud.calm()
        cloud.control.clock(rate=60)  # a run that waits is at its next look soon
        cloud.control.subscription(outcomes=None)
        gone(host, "r5")


def test_monday_it_is_usable_by_eight(week: Days) -> None:
    """Operations take as long as Azure's; the hub's own processes take the time that they take on this machine."""
    control = week.cloud.control
    week.at(week.on(0, "07:40"))
    assert week.power()["actual"] == "off"
    control.speed(1)
    week.at(week.on(0, "07:50") + timedelta(seconds=2))
    run = week.last_run()
    assert run["kind"] == "start"
    assert run["requestedBy"] == "schedule"
    wait_until(lambda: week.switched("start"), 20)
    week.at(week.on(0, "07:55"))
    control.clock(rate=5)
    run = week.host.wait_run(run["id"])
    assert run["status"] == "succeeded", run
    control.clock(rate=1)
    control.speed(0)
    usable = datetime.fromisoformat(run["ended"])
    assert week.on(0, "07:54") < usable <= week.on(0, "08:00"), run
    started = week.events("started")[0]
    assert 240 < started["data"]["seconds"] < 600
    assert len(week.switched("start")) == 1


def test_monday_evening_it_goes_off_after_a_warning(week: Days) -> None:
    week.at(week.on(0, "17:45") + timedelta(seconds=5))
    assert week.events("will-stop")[0]["data"]["minutes"] == 15
    week.at(week.on(0, "17:55") + timedelta(seconds=5))
    assert len(week.events("will-stop")) == 1
    assert week.power()["actual"] == "on"
    week.at(week.on(0, "18:00") + timedelta(seconds=5))
    assert week.ended()["status"] == "succeeded"
    assert week.power()["actual"] == "off"
    assert "Outside its hours" in week.power()["reason"]


def test_wednesday_it_stays_off(week: Days) -> None:
    week.at(week.on(1, "07:51"))
    assert week.ended()["kind"] == "start"
    week.at(week.on(1, "18:00") + timedelta(seconds=5))
    assert week.ended()["kind"] == "stop"
    starts = week.switched("start")
    for time in ("07:40", "07:50", "08:00", "12:00", "18:00", "23:00"):
        week.at(week.on(2, time) + timedelta(seconds=5))
        assert "is a date off; on again at Thu" in week.power()["reason"]
    assert week.switched("start") == starts
    assert week.last_run()["kind"] == "stop"


def test_thursday_evening_a_busy_notebook_is_waited_for_and_its_file_is_saved(week: Days) -> None:
    week.at(week.on(3, "07:51"))
    assert week.ended()["status"] == "succeeded"
    ann = Person(week, "ann")
    ann.spawn()
    ann.write("thesis.txt", "all of chapter one")

    week.at(week.on(3, "17:40"))
    ann.work(week.on(3, "18:00"))
    week.at(week.on(3, "18:00") + timedelta(seconds=5))
    assert week.last_run()["kind"] == "stop"
    wait_until(lambda: "ann is at work" in str(week.last_run()), 30)
    assert week.events("postponed")[0]["data"]["users"] == ["ann"]
    for time in ("18:15", "18:30", "18:45"):
        ann.work(week.on(3, time))
        week.at(week.on(3, time) + timedelta(seconds=5))
        assert week.last_run()["status"] == "running"
        assert week.power()["actual"] == "on"
    assert len(week.events("postponed")) == 1

    ann.work(week.on(3, "18:55"))
    week.at(week.on(3, "18:52") + timedelta(seconds=5))
    wait_until(lambda: "Save your work" in week.events("will-stop")[0]["message"], 30)
    ann.work(week.on(3, "19:30"))  # and goes on: the cap is an hour
    week.at(week.on(3, "19:03"))
    week.cloud.control.clock(rate=4)
    run = week.host.wait_run(week.last_run()["id"])
    assert run["status"] == "succeeded", run
    week.cloud.control.clock(rate=1)
    assert week.on(3, "19:00") < datetime.fromisoformat(run["ended"]) < week.on(3, "19:05")
    assert week.power()["actual"] == "off"
    calls = week.cloud.control.requests()
    asked = [call for call in calls if call["method"] == "POST" and "/managedClusters/r5/stop" in call["path"]][-1]
    people, servers = (next(step for step in run["steps"] if step["name"] == name) for name in ("people", "servers"))
    ends = [datetime.fromisoformat(moment) for moment in (people["ended"], servers["ended"], asked["time"])]
    assert ends == sorted(ends)
    assert servers["message"] == "No server is running."


def test_friday_a_failed_start_recovers_and_the_file_is_there(week: Days) -> None:
    week.cloud.control.subscription(outcomes={"items": [CAPACITY]})
    starts = len(week.switched("start"))
    week.at(week.on(4, "07:50") + timedelta(seconds=5))
    wait_until(lambda: "trying again in 5 minutes" in str(week.last_run()), 30)
    assert "for the first time at" in str(week.last_run()["steps"])
    assert week.power()["actual"] == "failed"
    assert week.power()["failingSince"] is not None
    failures = week.events("failed")
    assert len(failures) == 1
    week.at(week.on(4, "07:53"))
    assert len(week.switched("start")) == starts + 1
    week.at(week.on(4, "07:55") + timedelta(seconds=20))
    run = week.ended()
    assert run["status"] == "succeeded", run
    assert len(week.switched("start")) == starts + 2
    assert week.events("failed") == failures
    assert week.events("recovered")[0]["data"]["since"]
    assert week.power()["failingSince"] is None
    ann = Person(week, "ann")
    ann.spawn()
    assert ann.read("thesis.txt") == "all of chapter one"


def test_friday_evening_an_idle_notebook_gets_its_grace(week: Days) -> None:
    week.at(week.on(4, "18:00") + timedelta(seconds=5))
    wait_until(lambda: "Servers running: ann" in str(week.last_run()["steps"]), 30)
    assert week.events("will-stop")[0]["data"]["users"] == ["ann"]
    week.at(week.on(4, "18:05"))
    assert week.power()["actual"] == "on"
    week.at(week.on(4, "18:11"))
    assert week.ended()["status"] == "succeeded"
    assert week.power()["actual"] == "off"


def test_saturday_a_wake_for_two_hours_ends_by_itself(week: Days) -> None:
    week.at(week.on(5, "14:02"))
    answer = week.ask("start", {"for": "2h", "reason": "the exam's data"})
    assert answer.status == 202
    assert week.through(answer.headers["Location"])["status"] == "succeeded"
    override = week.power()["override"]
    assert (override["state"], override["by"], override["reason"]) == ("on", "api", "the exam's data")
    for time in ("14:05", "14:10", "15:00", "15:59"):
        week.at(week.on(5, time) + timedelta(seconds=5))
        assert week.power()["actual"] == "on"
    week.at(week.on(5, "16:05") + timedelta(seconds=5))
    assert week.ended()["status"] == "succeeded"
    power = week.power()
    assert (power["actual"], power["desired"], power["override"]) == ("off", "off", None)
    assert "The start by api ended" in power["reason"]


def test_the_week_was_as_planned(week: Days) -> None:
    """Every switch once, each with its reason, and nothing on Sunday."""
    week.at(week.on(6, "20:00"))
    assert len(week.switched("start")) == 6  # Monday, Tuesday, Thursday, Friday twice, Saturday
    assert len(week.switched("stop")) == 6  # the Sunday before, and each of these days once
    told = [(row["did"], row["reason"]) for row in week.decisions() if row["did"] in ("start", "stop")]
    assert len(told) == 10  # Friday's start is one run of two tries; Saturday's was nobody's decision but a person's
    assert all(reason for _, reason in told)
