"""The agenda: what is due at a second, and what becomes of entries that are moved, doubled or lost."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.azure.tables import Tables
from shared.power.due_queue import Agenda, Entry, look_soon
from tests.given import NOW


def later(**duration: float) -> datetime:
    return NOW + timedelta(**duration)


@pytest.fixture
def agenda(tables: Tables) -> Agenda:
    return Agenda(tables)


def test_an_empty_agenda_has_nothing_due(agenda: Agenda) -> None:
    assert agenda.due(NOW, 100) == []
    assert list(agenda.all()) == []


def test_what_is_due_is_so_to_the_second(agenda: Agenda) -> None:
    agenda.put(Entry(NOW, "r5"))
    assert agenda.due(later(seconds=-1), 100) == []
    assert agenda.due(later(microseconds=-1), 100) == []
    assert agenda.due(NOW, 100) == [Entry(NOW, "r5")]
    assert agenda.due(later(microseconds=999_999), 100) == [Entry(NOW, "r5")]


@pytest.mark.parametrize("hub", ["a", "z", "z-9", "0", "9-a", "r5"])
def test_every_hubs_name_is_within_its_second(agenda: Agenda, hub: str) -> None:
    """Keys are compared letter by letter: no name may push an entry over the edge of its second."""
    agenda.put(Entry(NOW, hub))
    agenda.put(Entry(later(seconds=1), hub))
    assert agenda.due(NOW, 100) == [Entry(NOW, hub)]
    assert agenda.due(later(seconds=1), 100) == [Entry(NOW, hub), Entry(later(seconds=1), hub)]


def test_the_earliest_come_first_and_a_limit_leaves_the_rest_due(agenda: Agenda) -> None:
    moments = [later(minutes=-3), later(days=-400), NOW, later(minutes=-1)]
    for number, moment in enumerate(moments):
        agenda.put(Entry(moment, f"hub{number}"))
    agenda.put(Entry(later(minutes=1), "not-yet"))
    due = agenda.due(NOW, 100)
    assert [entry.hub for entry in due] == ["hub1", "hub0", "hub3", "hub2"]
    assert agenda.due(NOW, 2) == due[:2]
    for entry in due[:2]:
        agenda.move(entry, Entry(later(hours=1), entry.hub))
    assert agenda.due(NOW, 2) == due[2:]


def test_a_time_with_an_offset_is_the_same_instant(agenda: Agenda) -> None:
    agenda.put(Entry(NOW.astimezone(timezone(timedelta(hours=-8))), "r5"))
    found = agenda.due(NOW.astimezone(timezone(timedelta(hours=5, minutes=45))), 100)
    assert [(entry.due, entry.due.tzinfo) for entry in found] == [(NOW, UTC)]


def test_an_entry_moves(agenda: Agenda) -> None:
    agenda.put(Entry(NOW, "r5"))
    agenda.move(Entry(NOW, "r5"), Entry(later(hours=1), "r5"))
    assert list(agenda.all()) == [Entry(later(hours=1), "r5")]
    agenda.move(Entry(later(hours=1), "r5"), None)
    assert list(agenda.all()) == []


def test_an_entry_that_stays_where_it_is_is_kept(agenda: Agenda) -> None:
    agenda.put(Entry(NOW, "r5"))
    agenda.move(Entry(NOW, "r5"), Entry(later(microseconds=5), "r5"))
    assert list(agenda.all()) == [Entry(NOW, "r5")]


def test_two_entries_of_a_hub_become_one_when_both_are_moved(agenda: Agenda) -> None:
    agenda.put(Entry(NOW, "r5"))
    agenda.put(Entry(later(seconds=-30), "r5"))
    following = Entry(later(hours=10), "r5")
    for entry in agenda.due(NOW, 100):
        agenda.move(entry, following)
    assert list(agenda.all()) == [following]


def test_an_entry_that_another_tick_has_moved_is_moved_all_the_same(agenda: Agenda) -> None:
    agenda.put(Entry(NOW, "r5"))
    for _ in range(2):
        agenda.move(Entry(NOW, "r5"), Entry(later(hours=1), "r5"))
    assert list(agenda.all()) == [Entry(later(hours=1), "r5")]


def test_an_entry_is_put_and_removed_as_often_as_one_likes(agenda: Agenda) -> None:
    for _ in range(2):
        agenda.put(Entry(NOW, "r5"))
    agenda.put(Entry(NOW, "r6"))
    for _ in range(2):
        agenda.remove(Entry(NOW, "r5"))
    assert list(agenda.all()) == [Entry(NOW, "r6")]


def test_looking_soon_is_due_with_the_next_tick(agenda: Agenda, tables: Tables) -> None:
    look_soon(tables, "r5", later(microseconds=700_000))
    assert agenda.due(NOW, 100) == [Entry(NOW, "r5")]
