"""Everything that exists in the local cloud: documents in named tables, kept in one file, on one clock.

The parts (ARM, Graph, Key Vault, Kubernetes) hold no state of their own beyond sockets and processes, so killing the
local cloud and starting it again changes nothing but uptime.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from local.clock import FileClock
from local.ports import Ports

type Document = dict[str, Any]


class Table(MutableMapping[str, Document]):
    """JSON documents by key. What is read is a copy: assign it back to keep a change."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def __getitem__(self, key: str) -> Document:
        row = self._connection.execute(
            "SELECT document FROM documents WHERE name = ? AND key = ?", (self._name, key)
        ).fetchone()
        if row is None:
            raise KeyError(key)
        document: Document = json.loads(row[0])
        return document

    def __setitem__(self, key: str, document: Document) -> None:
        self._connection.execute(
            "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (name, key) DO UPDATE SET document = excluded.document",
            (self._name, key, json.dumps(document)),
        )

    def __delitem__(self, key: str) -> None:
        if not self._connection.execute("DELETE FROM documents WHERE name = ? AND key = ?", (self._name, key)).rowcount:
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        rows = self._connection.execute("SELECT key FROM documents WHERE name = ? ORDER BY key", (self._name,))
        return iter([row[0] for row in rows])

    def __len__(self) -> int:
        row = self._connection.execute("SELECT count(*) FROM documents WHERE name = ?", (self._name,)).fetchone()
        return int(row[0])

    def starting_with(self, prefix: str) -> list[tuple[str, Document]]:
        rows = self._connection.execute(
            "SELECT key, document FROM documents WHERE name = ? AND key >= ? AND key < ? ORDER BY key",
            (self._name, prefix, prefix + "\U0010ffff"),
        )
        return [(key, json.loads(document)) for key, document in rows]


class World:
    """One copy's cloud. Used from one thread: the event loop of `python -m local cloud`."""

    def __init__(self, state: Path, ports: Ports) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.state = state
        self.ports = ports
        self.clock = FileClock(state / "clock.json")
        self._connection = sqlite3.connect(state / "world.db", isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS documents (name TEXT, key TEXT, document TEXT, PRIMARY KEY (name, key))"
        )
        self._listings: list[Callable[[], list[Document]]] = []

    def table(self, name: str) -> Table:
        return Table(self._connection, name)

    @property
    def speed(self) -> float:
        """By how much the recorded durations of Azure's operations are divided; 0: they take no time at all."""
        return float(self.table("settings").get("speed", {"factor": 1.0})["factor"])

    @speed.setter
    def speed(self, factor: float) -> None:
        self.table("settings")["speed"] = {"factor": factor}

    def duration(self, seconds: float) -> float:
        """Virtual seconds that an operation takes here, which takes `seconds` in Azure."""
        return seconds / self.speed if self.speed > 0 else 0.0

    def lists(self, listing: Callable[[], list[Document]]) -> None:
        """Adds a part's rows to `GET /resources`: {"kind", "id", ...} each, no secret values, no times that move."""
        self._listings.append(listing)

    def resources(self) -> list[Document]:
        rows = [row for listing in self._listings for row in listing()]
        return sorted(rows, key=lambda row: (row["kind"], row["id"]))

    def close(self) -> None:
        self._connection.close()
