"""Table Storage: rows in partitions, optimistic concurrency by ETag. Usable from several threads."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import Any, Literal

from shared.azure.credentials import TokenSource
from shared.azure.errors import outside
from shared.azure.rest import TIMEOUTS
from shared.errors import ConflictError, NotFoundError, TemporaryError
from shared.settings import Settings

SYSTEM = "Table Storage"

type Value = str | int | float | bool | datetime | bytes
"""A column's content. Text up to 32,768 characters; a row up to 1 MiB; datetimes are aware and come back in UTC."""

type Columns = Mapping[str, Value]


def compact(document: Any) -> str:
    """JSON for a column, in as few characters as it takes."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Row:
    """A row by its two keys. etag: of the version that was read; None for one not read from a table."""

    partition: str
    key: str
    values: Mapping[str, Value] = field(default_factory=dict)
    etag: str | None = None


@dataclass(frozen=True)
class Change:
    """One change of a batch. etag: only if the row is still at this version; None: whatever it is."""

    kind: Literal["insert", "replace", "merge", "upsert", "delete"]
    row: Row
    etag: str | None = None


_READ = {"retry_total": 1}
"""A read over a connection that the service has just closed, having been idle, is made again at once. A write is not repeated:
one that was made and whose answer was lost would look like somebody else's."""


_RACES = 20
"""How often a row is read and written again when somebody else was faster."""


class Tables:
    def __init__(self, settings: Settings, credential: TokenSource) -> None:
        self._settings = settings
        self._credential = credential

    @cached_property
    def _service(self) -> Any:
        from azure.data.tables import TableServiceClient

        connection = self._settings.tables_connection
        if connection is not None:
            return TableServiceClient.from_connection_string(connection, retry_total=0, **TIMEOUTS)
        return TableServiceClient(
            self._settings.tables_url or "", credential=self._credential, retry_total=0, **TIMEOUTS
        )

    def table(self, name: str) -> "Table":
        """The table of that name, made when it is first used and missing."""
        return Table(lambda: self._service, name)

    def ensure(self, name: str) -> "Table":
        """The table of that name, made now if it is missing."""
        table = self.table(name)
        table.create()
        return table


class Table:
    """ConflictError: a row to insert exists, or one to change is no longer at the given ETag."""

    def __init__(self, service: Callable[[], Any], name: str) -> None:
        self._service = service
        self._name = name

    @cached_property
    def _client(self) -> Any:
        return self._service().get_table_client(self._name)

    def create(self) -> None:
        with outside(SYSTEM):
            self._service().create_table_if_not_exists(self._name)

    def insert(self, row: Row) -> str:
        """Inserts the row; returns its ETag."""
        return self._etag(lambda: self._client.create_entity(_outgoing(row)))

    def upsert(self, row: Row) -> str:
        """Inserts the row, or replaces the one that is there, whatever its version; returns its new ETag."""
        return self._etag(lambda: self._client.upsert_entity(_outgoing(row), mode="replace"))

    def replace(self, row: Row, etag: str) -> str:
        """Replaces the whole row; returns its new ETag. Raises NotFoundError when it is gone."""
        return self._etag(lambda: self._client.update_entity(_outgoing(row), mode="replace", **_only_if(etag)))

    def merge(self, row: Row, etag: str | None) -> str:
        """Changes the columns that `row` names; returns its new ETag. Raises NotFoundError when it is gone."""
        return self._etag(lambda: self._client.update_entity(_outgoing(row), mode="merge", **_only_if(etag)))

    def get(self, partition: str, key: str) -> Row | None:
        try:
            return _incoming(self._made(lambda: self._client.get_entity(partition, key, **_READ)))
        except NotFoundError:
            return None

    def delete(self, partition: str, key: str, etag: str | None = None) -> None:
        """Deletes the row if it is there; one that is gone passes with any ETag."""
        try:
            self._made(lambda: self._client.delete_entity(partition, key, **_only_if(etag)))
        except NotFoundError:
            return

    def update[T](self, partition: str, key: str, change: Callable[[Row | None], tuple[Columns | None, T]]) -> T:
        """Reads the row, changes it and writes it, again until nobody wrote in between.

        `change` gets the row, None when there is none. It returns the columns to write (to a new row when there is none) and the
        result of this call. No columns: the row stays as it is; None in their place: the row is deleted. What `change` raises
        passes through. Raises TemporaryError with code Contended when others were faster every time.
        """
        for _ in range(_RACES):
            row = self.get(partition, key)
            columns, result = change(row)
            try:
                self._write(partition, key, columns, row)
            except ConflictError:
                continue
            return result
        raise TemporaryError(SYSTEM, "Contended", f"The record of {partition} is being written by others all the time.")

    def _write(self, partition: str, key: str, columns: Columns | None, read: Row | None) -> None:
        if read is None:
            if columns:
                self.insert(Row(partition, key, columns))
        elif columns is None:
            self.delete(partition, key, read.etag)
        elif columns:
            self.merge(Row(partition, key, columns), read.etag)

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
        """Rows in the order of their keys, read page by page as they are taken.

        keys: half-open range [from, to) of row keys, None: no bound. select: columns wanted. where: a further condition
        in OData with @names, whose values are `parameters`; it is checked row by row, so a table scan without keys.
        """
        condition, values = key_condition(partition, keys)
        if where:
            # With room around each @name: the SDK finds them between blanks.
            condition = f"( {condition} ) and ( {where} )" if condition else where
        options: dict[str, Any] = {"select": ["PartitionKey", "RowKey", *select]} if select is not None else {}
        if limit is not None:
            options["results_per_page"] = min(limit, 1000)
        found = self._rows(condition, {**values, **(parameters or {})}, options)
        return found if limit is None else islice(found, limit)

    def _rows(self, condition: str, parameters: dict[str, Value], options: dict[str, Any]) -> Iterator[Row]:
        try:
            with outside(SYSTEM):
                for entity in self._client.query_entities(condition, parameters=parameters, **_READ, **options):
                    yield _incoming(entity)
        except NotFoundError:
            return  # no table yet, so no rows

    def batch(self, changes: Sequence[Change]) -> None:
        """All of the changes or none: at most 100 in one partition, no row twice. Raises as the single changes do."""
        if changes:
            self._made(lambda: self._client.submit_transaction([_operation(change) for change in changes]))

    def _etag(self, call: Callable[[], Mapping[str, Any]]) -> str:
        return str(self._made(call)["etag"])

    def _made(self, call: Callable[[], Any]) -> Any:
        """Runs the call, making the table if that is what is missing."""
        try:
            with outside(SYSTEM):
                return call()
        except NotFoundError as error:
            if error.code != "TableNotFound":
                raise
        self.create()
        with outside(SYSTEM):
            return call()


def key_condition(partition: str | None, keys: tuple[str | None, str | None]) -> tuple[str, dict[str, Value]]:
    """OData for a partition and a half-open range of row keys, with the values that it names."""
    terms = {"partition": ("PartitionKey eq", partition), "from": ("RowKey ge", keys[0]), "to": ("RowKey lt", keys[1])}
    given = {f"key_{name}": (test, value) for name, (test, value) in terms.items() if value is not None}
    condition = " and ".join(f"{test} @{name}" for name, (test, _) in given.items())
    return condition, {name: value for name, (_, value) in given.items()}


def _operation(change: Change) -> tuple[Any, ...]:
    entity = _outgoing(change.row)
    match change.kind:
        case "insert":
            return ("create", entity)
        case "upsert":
            return ("upsert", entity, {"mode": "replace"})
        case "delete":
            return ("delete", entity, _only_if(change.etag))
        case "replace" | "merge":
            return ("update", entity, {"mode": change.kind, **_only_if(change.etag)})


def _only_if(etag: str | None) -> dict[str, Any]:
    from azure.core import MatchConditions

    if etag is None:
        return {}
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _outgoing(row: Row) -> dict[str, Any]:
    from azure.data.tables import EdmType, EntityProperty

    def column(value: Value) -> Any:
        # The SDK takes every int for one of 32 bits unless it is told otherwise.
        wide = isinstance(value, int) and not -(2**31) <= value < 2**31
        return EntityProperty(value, EdmType.INT64) if wide else value

    values = {name: column(value) for name, value in row.values.items()}
    return {"PartitionKey": row.partition, "RowKey": row.key, **values}


def _incoming(entity: Any) -> Row:
    values = {name: _plain(value) for name, value in entity.items() if name not in ("PartitionKey", "RowKey")}
    return Row(entity["PartitionKey"], entity["RowKey"], values, entity.metadata.get("etag"))


def _plain(value: Any) -> Value:
    """Without the SDK's own types: wide integers come as a pair, datetimes as a subclass."""
    if isinstance(value, tuple):
        return int(value[0])
    if isinstance(value, datetime):
        return datetime.fromtimestamp(value.timestamp(), UTC)
    plain: Value = value
    return plain
