"""Row keys that count down with time."""

from datetime import UTC, datetime, timedelta

from shared.azure.row_keys import before, new_key, newest_first, oldest_first

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def test_later_moments_sort_first_to_the_millisecond() -> None:
    moments = [NOW, NOW + MILLISECOND, NOW + timedelta(days=36_500)]
    keys = [newest_first(moment) for moment in moments]
    assert keys == sorted(keys, reverse=True)
    assert {len(key) for key in keys} == {14}


def test_two_keys_of_one_moment_differ_and_stay_beside_each_other() -> None:
    first, second = new_key(NOW), new_key(NOW)
    assert first != second
    assert newest_first(NOW + MILLISECOND) < min(first, second)
    assert max(first, second) < before(NOW)


def test_what_happened_before_a_moment_begins_at_its_key() -> None:
    assert new_key(NOW) < before(NOW) <= new_key(NOW - MILLISECOND)


def test_a_key_can_be_turned_round() -> None:
    turned = [oldest_first(new_key(moment)) for moment in (NOW, NOW + MILLISECOND)]
    assert turned == sorted(turned)
    assert [len(key) for key in turned] == [14, 14]
