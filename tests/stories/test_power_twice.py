"""Two functions hosts on the same tables and the same cloud: whatever both do at the same time, a cluster is switched once."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from local.functions.web import ADMIN_KEY
from tests.cloud import Cloud, Host, copy_for_tests, wait_until
from tests.stories.conftest import create, gone
from tests.stories.power import Week, office

pytestmark = pytest.mark.story

HUB = "twins"
ROUNDS = 3
"""Of an hour on and an hour off."""


@pytest.fixture(scope="module")
def second(cloud: Cloud, host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Another instance of the app, as the plan adds them under load: own engine here, own ports, all else shared.

    In Azure the instances share the engine as well, and a timer fires on one of them; here each is told to fire it.
    """
    with copy_for_tests(tmp_path_factory.mktemp("second")) as copy:
        other = Host(copy, cloud.environment | {"STATE": str(cloud.state)})
        other.start()
        yield other
        other.stop()


@pytest.fixture(scope="module")
def week(cloud: Cloud, host: Host) -> Iterator[Week]:
    """A hub that is on in every even hour."""
    week = Week(cloud, host, HUB)
    cloud.control.clock((week.now + timedelta(days=1)).replace(hour=1, minute=1, second=0))
    every = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}
    windows = [every | {"from": f"{hour:02}:00", "to": f"{hour + 1:02}:00"} for hour in range(4, 24, 2)]
    try:
        assert create(host, {"name": HUB, "schedule": {"timezone": "UTC", "windows": windows}})["status"] == "succeeded"
        assert week.through(week.ask("stop").headers["Location"])["status"] == "succeeded"
        cloud.control.clear_requests()
        yield week
    finally:
        cloud.calm()
        cloud.control.clock(rate=60)
        gone(host, HUB)


def at_once(*calls: Callable[[], Any]) -> None:
    """All of them, as nearly at the same moment as threads allow."""
    gate = threading.Barrier(len(calls))

    def through(call: Callable[[], Any]) -> None:
        gate.wait()
        call()

    threads = [threading.Thread(target=through, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def ticks(host: Host) -> Callable[[], None]:
    return lambda: host.fire("tick_power")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_the_same_tick_on_two_hosts_switches_once(week: Week, second: Host, number: int) -> None:
    """And one more after the other, while the run is under way and when it has ended."""
    today = week.now.astimezone(UTC).replace(minute=0, second=5, microsecond=0)
    for verb, moment in (("start", today.replace(hour=4 + 2 * number)), ("stop", today.replace(hour=5 + 2 * number))):
        before = week.switched(verb)
        threads = [ticks(host) for host in (week.host, second) * 3]
        week.cloud.control.clock(moment)
        at_once(*threads)
        wait_until(partial(more, week, verb, len(before)), 20)
        at_once(*threads)
        run = ended(week)
        assert (run["kind"], run["status"]) == (verb, "succeeded")
        at_once(*threads)
        week.at(moment + timedelta(minutes=10))
        assert len(week.switched(verb)) == len(before) + 1
        assert len([run for run in week.runs(verb) if run["requestedBy"] == "schedule"]) == number + 1
        assert len([row for row in week.decisions() if row["did"] == verb]) == number + 1


def more(week: Week, verb: str, than: int) -> bool:
    return len(week.switched(verb)) > than


def ended(week: Week) -> dict[str, Any]:
    """The last run's end, on whichever host it is."""
    run = week.host.wait_run(week.last_run()["id"])
    wait_until(lambda: datetime.fromisoformat(run["ended"]) <= week.now, 5)
    return run


def test_people_who_ask_two_hosts_at_the_same_time_get_one_run(week: Week, second: Host) -> None:
    week.at(week.now.replace(hour=23, minute=30))
    before = week.switched("start")
    answers: list[Any] = []

    def asks(host: Host) -> Callable[[], None]:
        return lambda: answers.append(ask(host))

    at_once(*[asks(host) for host in (week.host, second) * 3])
    assert {answer.status for answer in answers} == {202}, answers
    assert len({answer.json["run"]["id"] for answer in answers}) == 1
    assert week.through(answers[0].headers["Location"])["status"] == "succeeded"
    assert len(week.switched("start")) == len(before) + 1


def ask(host: Host) -> Any:
    return host.post(f"/api/hubs/{HUB}/start", {"for": "3h"})


def test_a_start_and_a_stop_at_the_same_time_come_one_after_the_other(week: Week, second: Host) -> None:
    answers: dict[str, Any] = {}
    at_once(
        lambda: answers.update(stop=week.host.post(f"/api/hubs/{HUB}/stop/force", key=ADMIN_KEY)),
        lambda: answers.update(start=ask(second)),
    )
    assert {answer.status for answer in answers.values()} <= {200, 202}, answers
    override = week.power()["override"]["state"]
    week.cloud.control.clock(rate=60)
    wait_until(lambda: week.power()["actual"] == override and not open_runs(week), 90)
    week.cloud.control.clock(rate=1)


def test_item_21_what_is_written_at_the_same_time_is_all_kept(week: Week, second: Host) -> None:
    """An edit, a start that holds, and what the runs learn: none takes another one's place."""
    zones = ["Europe/Berlin", "Asia/Kathmandu", "Pacific/Chatham", "America/Santiago", "UTC"]
    for zone in zones:
        schedule = office() | {"timezone": zone}
        edits: list[Any] = []
        starts: list[Any] = []
        at_once(
            lambda schedule=schedule, edits=edits: edits.append(week.host.put(f"/api/hubs/{HUB}/schedule", schedule)),  # type: ignore[misc]  # bound now
            lambda zone=zone, starts=starts: starts.append(  # type: ignore[misc]  # bound now
                second.post(f"/api/hubs/{HUB}/start", {"for": "4h", "reason": zone})
            ),
        )
        assert edits[0].status == 200, edits[0].json
        assert starts[0].status in (200, 202), starts[0].json
        seen = week.seen()
        assert seen["spec"]["schedule"]["timezone"] == zone
        assert (seen["power"]["override"]["state"], seen["power"]["override"]["reason"]) == ("on", zone)


def open_runs(week: Week) -> list[str]:
    return [run["id"] for run in week.runs() if run["status"] in ("queued", "running")]
