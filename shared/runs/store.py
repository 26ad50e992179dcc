"""The store of runs: table `runs`, one partition a hub, newest first.

A run's id is its hub's name, a hyphen, and its row key, which counts down with time: an id finds its row, and reading a hub's
partition from the start gives the newest. Each step is a property of its own, written by that step alone.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from shared import names
from shared.azure.row_keys import new_key
from shared.azure.tables import Columns, Row, Tables, Value, compact
from shared.errors import MissingError
from shared.problem import Problem
from shared.runs.model import Kind, Options, Run, Status, StepState, StepStatus, error_form
from shared.runs.plan import Plan, Step
from shared.runs.workflows import workflow

TABLE = "runs"
STEP = "step_"
_ROW = re.compile(r"[0-9]{14}[0-9a-f]{6}")


def new_id(hub: str, now: datetime) -> str:
    """The hub's name, a hyphen, and a row key that sorts later runs first."""
    return f"{hub}-{new_key(now)}"


def split_id(run: str) -> tuple[str, str]:
    """Partition and row of a run's id; raises MissingError when it is none."""
    hub, _, row = run.rpartition("-")
    if names.HUB.problem(hub) or not _ROW.fullmatch(row):
        raise _missing(run)
    return hub, row


def _missing(run: str) -> MissingError:
    advice = "GET /api/hubs lists the hubs, GET /api/hubs/{name}/runs their runs."
    return MissingError(Problem("RunNotFound", f"There is no run {run!r}.", advice))


class RunStore:
    def __init__(self, tables: Tables) -> None:
        self._table = tables.table(TABLE)

    def get(self, run: str) -> Run:
        """Raises MissingError."""
        return _known(self._table.get(*split_id(run)), run)

    def insert(self, run: Run) -> None:
        self._table.insert(Row(*split_id(run.id), _properties(run)))

    def update(self, run: str, change: Callable[[Run], Run]) -> Run:
        """Reads, changes and writes a run, again until nobody wrote in between. What `change` raises passes through."""

        def changed(row: Row | None) -> tuple[Columns, Run]:
            current = _known(row, run)
            after = change(current)
            return ({} if after == current else _properties(after)), after

        return self._table.update(*split_id(run), changed)

    def save_step(self, run: str, step: StepState) -> None:
        self._table.merge(Row(*split_id(run), {_property(step.name): _step_json(step)}), None)

    def keep_receipt(self, run: str, receipt: dict[str, Any]) -> None:
        self._table.merge(Row(*split_id(run), {"receipt": json.dumps(receipt)}), None)

    def delete(self, run: str) -> None:
        self._table.delete(*split_id(run))

    def of_hub(self, hub: str, limit: int) -> list[Run]:
        """Newest first; none of what is no hub's name, which Table Storage may not take for a key."""
        if names.HUB.problem(hub):
            return []
        return [_run(row) for row in self._table.query(hub, limit=limit)]


def _known(row: Row | None, run: str) -> Run:
    if row is None:
        raise _missing(run)
    return _run(row)


def _property(step: str) -> str:
    return STEP + step.replace("-", "_")


def _properties(run: Run) -> dict[str, Value]:
    return {
        "kind": run.kind.value,
        "status": run.status.value,
        "requested": run.requested,
        "requested_by": run.requested_by,
        "reason": run.reason,
        "started": _text(run.started),
        "ended": _text(run.ended),
        "options": _options_json(run.options),
        "attempt": run.attempt,
        "cancel_requested_by": run.cancel_requested_by or "",
        "fault": json.dumps(error_form(run.fault)) if run.fault else "",
        "receipt": json.dumps(run.receipt) if run.receipt is not None else "",
        "warnings": json.dumps(run.warnings),
        "wanted": compact(run.wanted) if run.wanted is not None else "",
        "plan": compact([asdict(step) for step in run.plan]),
        **{_property(step.name): _step_json(step) for step in run.steps},
    }


def _run(row: Row) -> Run:
    values: Mapping[str, Any] = row.values
    kind = Kind(values["kind"])
    plan = _plan(values.get("plan"), kind)
    return Run(
        id=f"{row.partition}-{row.key}",
        hub=row.partition,
        kind=kind,
        requested=values["requested"],
        requested_by=values["requested_by"],
        reason=values["reason"],
        status=Status(values["status"]),
        started=_moment(values["started"]),
        ended=_moment(values["ended"]),
        options=_options(json.loads(values["options"])),
        attempt=values["attempt"],
        cancel_requested_by=values["cancel_requested_by"] or None,
        fault=Problem(**json.loads(values["fault"])) if values["fault"] else None,
        receipt=json.loads(values["receipt"]) if values["receipt"] else None,
        warnings=tuple(json.loads(values["warnings"])),
        wanted=json.loads(values["wanted"]) if values.get("wanted") else None,
        plan=plan,
        steps=tuple(_step(StepState(step.name), values.get(_property(step.name))) for step in plan),
        etag=row.etag or "",
    )


def _plan(stored: str | None, kind: Kind) -> Plan:
    """Runs of earlier versions have no plan of their own: they go by their kind's."""
    if stored is None:
        return workflow(kind).steps
    return tuple(Step(**fields | {"after": tuple(fields["after"])}) for fields in json.loads(stored))


def _options_json(options: Options) -> str:
    """The options that were asked for, by the names that rows have had from the first."""
    fields = {"keepHomes": options.keep_homes, "force": options.force, "delay": options.delay}
    return json.dumps({name: value for name, value in fields.items() if value})


def _options(stored: Mapping[str, Any]) -> Options:
    return Options(stored.get("keepHomes", False), stored.get("force", False), stored.get("delay", 0.0))


_CHECKPOINT = "memo"
"""The checkpoint's name in rows, where earlier versions read and write it as well."""


def _step_json(step: StepState) -> str:
    fields = asdict(step) | {"fault": error_form(step.fault) if step.fault else None}
    for moment in ("started", "ended", "first_error"):
        fields[moment] = _text(fields[moment])
    fields[_CHECKPOINT] = fields.pop("checkpoint")
    return json.dumps(fields)


def _step(step: StepState, stored: str | None) -> StepState:
    if not stored:
        return step
    fields = json.loads(stored)
    for moment in ("started", "ended", "first_error"):
        fields[moment] = _moment(fields[moment])
    fields["status"] = StepStatus(fields["status"])
    fields["checkpoint"] = fields.pop(_CHECKPOINT, {})
    fields["fault"] = Problem(**fields["fault"]) if fields["fault"] else None
    return replace(step, **fields)


def _text(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat() if moment else ""


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
