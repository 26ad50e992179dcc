"""A hub's power record as it is stored with the hub: JSON in one column, all times UTC."""

from dataclasses import replace
from datetime import timedelta

from pydantic import TypeAdapter

from shared.schedules.record import PowerState, Record

KEPT_STARTS = 20
"""How many start durations are kept: enough for a 90th percentile, few enough to forget last term's."""

_ENDLESS = timedelta(days=360)
"""The length of a stop by hand, in rows of an earlier version, that was to hold until somebody starts the hub."""

_RECORD = TypeAdapter(Record)


def to_json(record: Record) -> str:
    kept = replace(record, starts=record.starts[-KEPT_STARTS:])
    return _RECORD.dump_json(kept, exclude_defaults=True).decode()


def from_json(text: str | None) -> Record:
    """The record of a column; an empty one for a hub that has none. Raises ValueError for a column that cannot be read."""
    record = _RECORD.validate_json(text) if text else Record()
    stop = record.override
    if stop and stop.state is PowerState.OFF and stop.until and stop.until - stop.since == _ENDLESS:
        return replace(record, override=replace(stop, until=None))  # the first window that opens ends it as well
    return record
