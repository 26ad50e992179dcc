"""The agenda: what is due at a second, and what becomes of entries that are moved, doubled or lost."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.azure.tables import Tables
from shared.power.due_queue import DueQueue, Entry, look_soon
from tests.given import NOW


def later(**duration: float) -> datetime:
    return NOW + timedelta(**duration)


@pytest.fixture
def due_queue(tables: Tables) -> DueQueue:
    return DueQueue(tables)


def test_an_empty_agenda_has_nothing_due(due_queue: DueQueue) -> None:
    assert due_queue.due(NOW, 100) == []
    assert list(due_queue.all()) == []


def test_what_is_due_is_so_to_the_second(due_queue: DueQueue) -> None:
    due_queue.put(Entry(NOW, "r5"))
    assert due_queue.due(later(seconds=-1), 100) == []
    assert due_queue.due(later(microseconds=-1), 100) == []
    assert due_queue.due(NOW, 100) == [Entry(NOW, "r5")]
    assert due_queue.due(later(microseconds=999_999), 100) == [Entry(NOW, "r5")]


@pytest.mark.parametrize("hub", ["a", "z", "z-9", "0", "9-a", "r5"])
def test_every_hubs_name_is_within_its_second(due_queue: DueQueue, hub: str) -> None:
    """Keys are compared letter by letter: no name may push an entry over the edge of its second."""
    due_queue.put(Entry(NOW, hub))
    due_queue.put(Entry(later(seconds=1), hub))
    assert due_queue.due(NOW, 100) == [Entry(NOW, hub)]
    assert due_queue.due(later(seconds=1), 100) == [Entry(NOW, hub), Entry(later(seconds=1), hub)]


def test_the_earliest_come_first_and_a_limit_leaves_the_rest_due(due_queue: DueQueue) -> None:
    moments = [later(minutes=-3), later(days=-400), NOW, later(minutes=-1)]
    for number, moment in enumerate(moments):
        due_queue.put(Entry(moment, f"hub{number}"))
    due_queue.put(Entry(later(minutes=1), "not-yet"))
    due = due_queue.due(NOW, 100)
    assert [entry.hub for entry in due] == ["hub1", "hub0", "hub3", "hub2"]
    assert due_queue.due(NOW, 2) == due[:2]
    for entry in due[:2]:
        due_queue.move(entry, Entry(later(hours=1), entry.hub))
    assert due_queue.due(NOW, 2) == due[2:]


def test_a_time_with_an_offset_is_the_same_instant(due_queue: DueQueue) -> None:
    due_queue.put(Entry(NOW.astimezone(timezone(timedelta(hours=-8))), "r5"))
    found = due_queue.due(NOW.astimezone(timezone(timedelta(hours=5, minutes=45))), 100)
    assert [(entry.due, entry.due.tzinfo) for entry in found] == [(NOW, UTC)]


def test_an_entry_moves(due_queue: DueQueue) -> None:
    due_queue.put(Entry(NOW, "r5"))
    due_queue.move(Entry(NOW, "r5"), Entry(later(hours=1), "r5"))
    assert list(due_queue.all()) == [Entry(later(hours=1), "r5")]
    due_queue.move(Entry(later(hours=1), "r5"), None)
    assert list(due_queue.all()) == []


def test_an_entry_that_stays_where_it_is_is_kept(due_queue: DueQueue) -> None:
    due_queue.put(Entry(NOW, "r5"))
    due_queue.move(Entry(NOW, "r5"), Entry(later(microseconds=5), "r5"))
    assert list(due_queue.all()) == [Entry(NOW, "r5")]


def test_two_entries_of_a_hub_become_one_when_both_are_moved(due_queue: DueQueue) -> None:
    due_queue.put(Entry(NOW, "r5"))
    due_queue.put(Entry(later(seconds=-30), "r5"))
    following = Entry(later(hours=10), "r5")
    for entry in due_queue.due(NOW, 100):
        due_queue.move(entry, following)
    assert list(due_queue.all()) == [following]


def test_an_entry_that_another_tick_has_moved_is_moved_all_the_same(due_queue: DueQueue) -> None:
    due_queue.put(Entry(NOW, "r5"))
    for _ in range(2):
        due_queue.move(Entry(NOW, "r5"), Entry(later(hours=1), "r5"))
    assert list(due_queue.all()) == [Entry(later(hours=1), "r5")]


def test_an_entry_is_put_and_removed_as_often_as_one_likes(due_queue: DueQueue) -> None:
    for _ in range(2):
        due_queue.put(Entry(NOW, "r5"))
    due_queue.put(Entry(NOW, "r6"))
    for _ in range(2):
        due_queue.remove(Entry(NOW, "r5"))
    assert list(due_queue.all()) == [Entry(NOW, "r6")]


def test_looking_soon_is_due_with_the_next_tick(due_queue: DueQueue, tables: Tables) -> None:
    look_soon(tables, "r5", later(microseconds=700_000))
    assert due_queue.due(NOW, 100) == [Entry(NOW, "r5")]
