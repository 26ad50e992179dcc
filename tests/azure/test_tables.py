"""Table Storage through the real emulator, Azurite."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from typing import ClassVar

import pytest

from local.ports import Ports
from shared.azure.credentials import credential
from shared.azure.tables import Change, Columns, Row, Table, Tables, Value
from shared.errors import ConflictError, NotFoundError, OutsideError, PermanentError, TemporaryError
from shared.settings import Settings

pytestmark = [pytest.mark.local, pytest.mark.usefixtures("azurite")]
_numbers = count()


@pytest.fixture
def tables(settings: Settings) -> Iterator[Tables]:
    found = Tables(settings, credential(settings))
    yield found
    found._service.close()


@pytest.fixture
def table(tables: Tables) -> Iterator[Table]:
    found = tables.table(f"test{next(_numbers)}")
    yield found
    found._client.close()


def test_a_table_is_made_when_it_is_first_used(table: Table) -> None:
    assert table.get("p", "a") is None
    assert list(table.query("p")) == []
    table.delete("p", "a")
    table.insert(Row("p", "a", {"n": 1}))
    found = table.get("p", "a")
    assert found is not None
    assert found.values == {"n": 1}


def test_a_table_may_be_made_beforehand_and_again(tables: Tables) -> None:
    name = f"test{next(_numbers)}"
    for _ in range(2):
        made = tables.ensure(name)
        assert list(made.query()) == []
        made._client.close()


def test_every_kind_of_value_comes_back_as_it_was(table: Table) -> None:
    moment = datetime(2026, 11, 22, 8, 30, 15, 123456, tzinfo=timezone(timedelta(hours=-8)))
    values: dict[str, Value] = {
        "t": "ä'\n",
        "i": 7,
        "wide": 2**40,
        "f": 0.5,
        "yes": True,
        "when": moment,
        "raw": b"\x00\xff",
        "e": "",
    }
    table.insert(Row("p", "a", values))
    found = table.get("p", "a")
    assert found is not None
    assert found.values == {**values, "when": moment.astimezone(UTC)}
    assert {name: type(value) for name, value in found.values.items()} == {n: type(v) for n, v in values.items()}
    assert next(iter(table.query("p"))) == found


def test_a_row_is_inserted_once(table: Table) -> None:
    table.insert(Row("p", "a"))
    with pytest.raises(ConflictError) as caught:
        table.insert(Row("p", "a"))
    assert caught.value.code == "EntityAlreadyExists"


def test_only_the_version_that_was_read_is_replaced(table: Table) -> None:
    first = table.insert(Row("p", "a", {"n": 1, "m": 1}))
    second = table.replace(Row("p", "a", {"n": 2}), first)
    with pytest.raises(ConflictError) as caught:
        table.replace(Row("p", "a", {"n": 3}), first)
    assert caught.value.status == 412
    found = table.get("p", "a")
    assert found == Row("p", "a", {"n": 2}, second)


def test_a_merge_keeps_the_other_columns(table: Table) -> None:
    etag = table.insert(Row("p", "a", {"n": 1, "m": 1}))
    newer = table.merge(Row("p", "a", {"n": 2}), etag)
    table.merge(Row("p", "a", {"k": 3}), None)
    with pytest.raises(ConflictError):
        table.merge(Row("p", "a", {"n": 4}), newer)
    found = table.get("p", "a")
    assert found is not None
    assert found.values == {"n": 2, "m": 1, "k": 3}


def test_what_is_gone_cannot_be_changed(table: Table) -> None:
    etag = table.insert(Row("p", "a"))
    table.delete("p", "a", etag)
    table.delete("p", "a", etag)
    with pytest.raises(NotFoundError):
        table.replace(Row("p", "a"), etag)
    with pytest.raises(NotFoundError):
        table.merge(Row("p", "a"), None)


def test_a_delete_of_a_changed_row_is_refused(table: Table) -> None:
    etag = table.insert(Row("p", "a"))
    table.upsert(Row("p", "a", {"n": 1}))
    with pytest.raises(ConflictError):
        table.delete("p", "a", etag)
    table.delete("p", "a")
    assert table.get("p", "a") is None


def test_an_upsert_makes_or_replaces(table: Table) -> None:
    table.upsert(Row("p", "a", {"n": 1, "m": 1}))
    etag = table.upsert(Row("p", "a", {"n": 2}))
    assert table.get("p", "a") == Row("p", "a", {"n": 2}, etag)


def test_a_query_takes_a_half_open_range_in_order(table: Table) -> None:
    table.batch([Change("insert", Row("p", f"{n:03}", {"n": n, "m": -n})) for n in range(60)])
    table.insert(Row("q", "005", {"n": 5}))
    assert [row.key for row in table.query("p", ("003", "006"))] == ["003", "004", "005"]
    assert [row.key for row in table.query("p", ("058", None))] == ["058", "059"]
    assert [row.key for row in table.query("p", limit=2)] == ["000", "001"]
    assert len(list(table.query())) == 61
    found = list(table.query(where="n eq @n", parameters={"n": 5}, select=["n"]))
    assert [(row.partition, row.values) for row in found] == [("p", {"n": 5}), ("q", {"n": 5})]
    assert all(row.etag for row in found)
    both = table.query("p", ("003", None), where="n le @n", parameters={"n": 4})
    assert [row.key for row in both] == ["003", "004"]


def test_a_quote_in_a_key_cannot_end_the_condition(table: Table) -> None:
    table.insert(Row("o'b", "k'1", {"n": 1}))
    assert [row.key for row in table.query("o'b", ("k'1", None))] == ["k'1"]
    assert table.get("o'b", "k'1") is not None


def test_a_query_reads_on_over_pages(table: Table) -> None:
    for start in range(0, 1100, 100):
        table.batch([Change("insert", Row("p", f"{n:05}")) for n in range(start, start + 100)])
    assert sum(1 for _ in table.query("p")) == 1100
    assert sum(1 for _ in table.query("p", limit=1050)) == 1050


def test_a_batch_is_done_whole_or_not_at_all(table: Table) -> None:
    etag = table.insert(Row("p", "a", {"n": 1}))
    table.insert(Row("p", "b", {"n": 1}))
    changes = [
        Change("insert", Row("p", "c")),
        Change("replace", Row("p", "a", {"n": 2}), etag),
        Change("merge", Row("p", "b", {"m": 2})),
        Change("upsert", Row("p", "d")),
    ]
    table.batch(changes)
    assert [(row.key, row.values) for row in table.query("p")] == [
        ("a", {"n": 2}),
        ("b", {"n": 1, "m": 2}),
        ("c", {}),
        ("d", {}),
    ]
    with pytest.raises(ConflictError) as stale:
        table.batch([Change("delete", Row("p", "d")), replace(changes[1], etag=etag)])
    assert stale.value.status == 412
    with pytest.raises(ConflictError) as twice:
        table.batch([Change("delete", Row("p", "d")), Change("insert", Row("p", "c"))])
    assert (twice.value.status, twice.value.code) == (409, "EntityAlreadyExists")
    with pytest.raises(NotFoundError):
        table.batch([Change("delete", Row("p", "d")), Change("merge", Row("p", "x"))])
    assert [row.key for row in table.query("p")] == ["a", "b", "c", "d"]
    table.batch([])


def test_a_batch_makes_a_missing_table(table: Table) -> None:
    table.batch([Change("insert", Row("p", "a"))])
    assert table.get("p", "a") is not None


def test_many_threads_use_one_table(table: Table) -> None:
    etag = table.insert(Row("p", "shared", {"n": 0}))

    def contend(number: int) -> bool:
        table.insert(Row("p", f"own{number:02}", {"n": number}))
        try:
            table.replace(Row("p", "shared", {"n": number}), etag)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(contend, range(24))) == 1
    assert sum(1 for _ in table.query("p", ("own", "own~"))) == 24


def test_a_table_service_that_is_not_there_is_a_passing_trouble(settings: Settings, ports: Ports) -> None:
    elsewhere = (settings.tables_connection or "").replace(f":{ports.tables}", f":{ports.charts}")
    dead = replace(settings, tables_connection=elsewhere)
    tables = Tables(dead, credential(dead))
    with pytest.raises(TemporaryError) as caught:
        tables.table("any").get("p", "a")
    assert caught.value.code == "ConnectionFailed"
    tables._service.close()


class Dropping(BaseHTTPRequestHandler):
    """A table service that closes each connection once before it answers."""

    dropped: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.close_connection = True
        if self.command not in self.dropped:
            self.dropped.append(self.command)
            return
        body = json.dumps({"PartitionKey": "p", "RowKey": "a", "n": 1}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_read_over_a_connection_that_was_closed_is_made_again_and_a_write_is_not(
    settings: Settings, ports: Ports
) -> None:
    with HTTPServer(("127.0.0.1", 0), Dropping) as server:
        threading.Thread(target=server.serve_forever).start()
        elsewhere = (settings.tables_connection or "").replace(f":{ports.tables}", f":{server.server_port}")
        tables = Tables(replace(settings, tables_connection=elsewhere), credential(settings))
        table = tables.table("any")
        try:
            found = table.get("p", "a")
            with pytest.raises(TemporaryError):
                table.insert(Row("p", "a", {"n": 1}))
        finally:
            table._client.close()
            tables._service.close()
            server.shutdown()
    assert found is not None
    assert found.values == {"n": 1}
    assert Dropping.dropped == ["GET", "POST"]


@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")  # the SDK's, of an XML body
def test_a_wrong_key_is_refused_without_being_shown(settings: Settings) -> None:
    wrong = "d3Jvbmc="
    parts = [part if not part.startswith("AccountKey") else f"AccountKey={wrong}" for part in settings_parts(settings)]
    tables = Tables(replace(settings, tables_connection=";".join(parts)), credential(settings))
    with pytest.raises(PermanentError) as caught:
        tables.table("any").get("p", "a")
    assert wrong not in str(caught.value)
    assert isinstance(caught.value, OutsideError)
    tables._service.close()


def settings_parts(settings: Settings) -> list[str]:
    return (settings.tables_connection or "").split(";")


def added(row: Row | None) -> tuple[Columns, int]:
    number = int(str(row.values["n"])) + 1 if row else 1
    return {"n": number}, number


def test_an_update_makes_the_row_changes_it_and_returns_the_result(table: Table) -> None:
    assert [table.update("p", "a", added) for _ in range(3)] == [1, 2, 3]
    found = table.get("p", "a")
    assert found is not None
    assert found.values == {"n": 3}


def test_no_update_is_lost_between_many(table: Table) -> None:
    table.insert(Row("p", "a", {"n": 0}))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: table.update("p", "a", added), range(12)))
    assert sorted(results) == list(range(1, 13))


def test_an_update_without_columns_leaves_the_row_and_one_of_none_deletes_it(table: Table) -> None:
    table.insert(Row("p", "a", {"n": 0}))
    before = table.get("p", "a")
    assert table.update("p", "a", lambda _: ({}, "left")) == "left"
    assert table.get("p", "a") == before
    assert table.update("p", "a", lambda _: (None, "gone")) == "gone"
    assert table.get("p", "a") is None
    assert table.update("p", "a", lambda row: (None, row)) is None


def test_a_deletion_looks_again_when_somebody_wrote_in_between(table: Table) -> None:
    table.insert(Row("p", "a", {"n": 0}))
    seen: list[Row | None] = []

    def end(row: Row | None) -> tuple[Columns | None, None]:
        seen.append(row)
        if len(seen) == 1:
            table.merge(Row("p", "a", {"n": 1}), None)
        return (None if row and row.values["n"] == 0 else {}), None

    table.update("p", "a", end)
    assert len(seen) == 2
    assert table.get("p", "a") is not None


def test_what_a_change_raises_passes_through_and_is_not_tried_again(table: Table) -> None:
    calls = count()

    def refuse(_: Row | None) -> tuple[Columns, None]:
        next(calls)
        raise ConflictError("here", "Because", "it is so")

    with pytest.raises(ConflictError, match="Because"):
        table.update("p", "a", refuse)
    assert next(calls) == 1


def test_an_update_that_always_comes_second_gives_up_as_temporary(table: Table) -> None:
    table.insert(Row("p", "a", {"n": 0}))

    def overtaken(_: Row | None) -> tuple[Columns, None]:
        table.merge(Row("p", "a", {"m": 1}), None)
        return {"n": 1}, None

    with pytest.raises(TemporaryError) as caught:
        table.update("p", "a", overtaken)
    assert caught.value.code == "Contended"
