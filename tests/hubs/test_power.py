"""The power record survives storage."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.hubs import power
from shared.schedules.record import Override, PowerState, Record

MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))
OVERRIDES = st.builds(
    Override,
    state=st.sampled_from(PowerState),
    since=MOMENTS,
    until=MOMENTS,
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


def test_only_the_latest_starts_are_kept() -> None:
    stored = power.to_json(Record(starts=tuple(float(second) for second in range(1, 100))))
    assert power.from_json(stored).starts == tuple(float(second) for second in range(80, 100))
