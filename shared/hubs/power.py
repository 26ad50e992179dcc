"""A hub's power record as it is stored with the hub: JSON in one column, all times UTC."""

import json
from datetime import datetime, timedelta
from typing import Any

from shared.schedules.record import Override, PowerState, Record

KEPT_STARTS = 20
"""How many start durations are kept: enough for a 90th percentile, few enough to forget last term's."""

_ENDLESS = timedelta(days=360)
"""How long a stop by hand held, in rows of an earlier version, that was to hold until somebody starts the hub."""

_MOMENTS = ("schedule_since", "last_stop_ended", "postponed_until", "postponed_at", "last_activity")


def to_json(record: Record) -> str:
    fields: dict[str, Any] = {name: _text(getattr(record, name)) for name in _MOMENTS}
    fields["starts"] = list(record.starts[-KEPT_STARTS:])
    if record.override:
        fields["override"] = {
            "state": record.override.state.value,
            "since": _text(record.override.since),
            "until": _text(record.override.until),
            "by": record.override.by,
            "reason": record.override.reason,
            "asked_until": _text(record.override.asked_until),
        }
    return json.dumps({name: value for name, value in fields.items() if value not in (None, [])})


def from_json(text: str | None) -> Record:
    fields = json.loads(text) if text else {}
    return Record(
        override=_override(fields.get("override")),
        starts=tuple(fields.get("starts", ())),
        **{name: _moment(fields.get(name)) for name in _MOMENTS},
    )


def _override(fields: dict[str, Any] | None) -> Override | None:
    if not fields:
        return None
    state, since, until = PowerState(fields["state"]), datetime.fromisoformat(fields["since"]), _moment(fields["until"])
    if state is PowerState.OFF and until and until - since == _ENDLESS:
        until = None  # the first window that opens ends it as well
    return Override(
        state=state,
        since=since,
        until=until,
        by=fields["by"],
        reason=fields["reason"],
        asked_until=_moment(fields.get("asked_until")),
    )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
