"""Table Storage in memory, for tests of what is written and when. The stores' own tests run on it and on Azurite alike."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count, islice
from threading import RLock

from shared.azure.tables import SYSTEM, Change, Row, Table, Tables, Value
from shared.errors import ConflictError, NotFoundError


class MemoryTable(Table):
    """`meanwhile`: what somebody else does just before the next write that depends on a read; it happens once."""

    def __init__(self, calls: Counter[str]) -> None:
        self.rows: dict[tuple[str, str], Row] = {}
        self.meanwhile: Callable[[], object] | None = None
        self._calls = calls
        self._etags = count(1)
        self._lock = RLock()

    def create(self) -> None:
        self._calls["create"] += 1

    def insert(self, row: Row) -> str:
        self._calls["insert"] += 1
        with self._lock:
            if (row.partition, row.key) in self.rows:
                raise ConflictError(SYSTEM, "EntityAlreadyExists", "it exists", status=409)
            return self._keep(row, row.values)

    def upsert(self, row: Row) -> str:
        self._calls["upsert"] += 1
        return self._keep(row, row.values)

    def replace(self, row: Row, etag: str) -> str:
        self._calls["replace"] += 1
        with self._lock:
            self._current(row, etag)
            return self._keep(row, row.values)

    def merge(self, row: Row, etag: str | None) -> str:
        self._calls["merge"] += 1
        with self._lock:
            if etag is not None and (act := self.meanwhile):
                self.meanwhile = None
                act()
            return self._keep(row, {**self._current(row, etag).values, **row.values})

    def get(self, partition: str, key: str) -> Row | None:
        self._calls["get"] += 1
        return self.rows.get((partition, key))

    def delete(self, partition: str, key: str, etag: str | None = None) -> None:
        self._calls["delete"] += 1
        if (partition, key) in self.rows:
            self._current(Row(partition, key), etag)
            del self.rows[partition, key]

    def query(
        self,
        partition: str | None = None,
        keys: tuple[str | None, str | None] = (None, None),
        *,
        select: Sequence[str] | None = None,
        limit: int | None = None,
        where: str | None = None,
        parameters: Mapping[str, Value] | None = None,
    ) -> Iterator[Row]:
        """`where`: one comparison, "column eq @name" or "column ne @name"."""
        self._calls["query"] += 1
        found = [
            row if select is None else replace(row, values={name: row.values[name] for name in select})
            for (group, key), row in sorted(self.rows.items())
            if partition in (None, group)
            and (keys[0] or "") <= key
            and (keys[1] is None or key < keys[1])
            and (where is None or _holds(row, where, parameters or {}))
        ]
        return islice(iter(found), limit)

    def batch(self, changes: Sequence[Change]) -> None:
        self._calls["batch"] += bool(changes)
        for change in changes:
            if change.kind == "upsert":
                self._keep(change.row, change.row.values)
            elif change.kind == "delete":
                self._current(change.row, change.etag)
                del self.rows[change.row.partition, change.row.key]
            else:
                raise AssertionError(f"no store makes a batch with {change.kind}")

    def _current(self, row: Row, etag: str | None) -> Row:
        found = self.rows.get((row.partition, row.key))
        if found is None:
            raise NotFoundError(SYSTEM, "ResourceNotFound", "it is gone", status=404)
        if etag is not None and etag != found.etag:
            raise ConflictError(SYSTEM, "UpdateConditionNotSatisfied", "it has changed", status=412)
        return found

    def _keep(self, row: Row, values: Mapping[str, Value]) -> str:
        etag = f"etag-{next(self._etags)}"
        self.rows[row.partition, row.key] = Row(row.partition, row.key, _stored(values), etag)
        return etag


class MemoryTables(Tables):
    """`calls`: how many of each kind were made, of all tables."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._made: dict[str, MemoryTable] = {}

    def table(self, name: str) -> MemoryTable:
        return self._made.setdefault(name, MemoryTable(self.calls))


def _stored(values: Mapping[str, Value]) -> dict[str, Value]:
    """As they come back: times in UTC."""
    return {name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in values.items()}


def _holds(row: Row, where: str, parameters: Mapping[str, Value]) -> bool:
    column, comparison, name = where.split()
    same = row.values.get(column) == parameters[name.removeprefix("@")]
    return same if comparison == "eq" else not same
