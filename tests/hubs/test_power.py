"""The power record survives storage."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.hubs import power
from shared.schedules.record import Override, PowerState, Record

MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))
OVERRIDES = st.builds(
    Override,
    state=st.sampled_from(PowerState),
    since=MOMENTS,
    until=st.none() | MOMENTS,
    by=st.text(max_size=5),
    reason=st.text(max_size=5),
    asked_until=st.none() | MOMENTS,
)
RECORDS = st.builds(
    Record,
    override=st.none() | OVERRIDES,
    schedule_since=st.none() | MOMENTS,
    starts=st.lists(st.floats(1, 5000), max_size=power.KEPT_STARTS).map(tuple),
    last_stop_ended=st.none() | MOMENTS,
    postponed_until=st.none() | MOMENTS,
    postponed_at=st.none() | MOMENTS,
    last_activity=st.none() | MOMENTS,
)


@given(RECORDS)
def test_what_is_stored_is_read_again(record: Record) -> None:
    assert power.from_json(power.to_json(record)) == record


def test_a_row_from_before_there_was_a_record_reads_as_an_empty_one() -> None:
    assert power.from_json(None) == power.from_json("") == Record()


@pytest.mark.parametrize(
    ("state", "lasts", "until"),
    [
        ("off", timedelta(days=360), None),
        ("off", timedelta(days=359), timedelta(days=359)),
        ("on", timedelta(days=360), timedelta(days=360)),
    ],
)
def test_a_stop_that_an_earlier_version_ended_after_360_days_has_no_end(
    state: str, lasts: timedelta, until: timedelta | None
) -> None:
    since = datetime(2026, 11, 23, 12, 0, 1, 5, tzinfo=UTC)
    row = {"state": state, "since": since.isoformat(), "until": (since + lasts).isoformat(), "by": "ann", "reason": ""}
    override = power.from_json(json.dumps({"override": row})).override
    assert override is not None
    assert override.until == (since + until if until else None)


def test_only_the_latest_starts_are_kept() -> None:
    stored = power.to_json(Record(starts=tuple(float(second) for second in range(1, 100))))
    assert power.from_json(stored).starts == tuple(float(second) for second in range(80, 100))
