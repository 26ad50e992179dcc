"""Everything that exists in the local cloud: documents in named tables, kept in one file, on one clock.

The parts (ARM, Graph, Key Vault, Kubernetes) hold no state of their own beyond sockets and processes, so killing the
local cloud and starting it again changes nothing but uptime.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from local.clock import FileClock
from local.ports import Ports

type Document = dict[str, Any]


class Documents:
    """The file that they are in. Statements of several threads come one after the other: Python's sqlite3 would mix them up."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self.select("PRAGMA journal_mode = WAL")
        self.select("PRAGMA synchronous = OFF")
        self.change(
            "CREATE TABLE IF NOT EXISTS documents (name TEXT, key TEXT, document TEXT, PRIMARY KEY (name, key))"
        )

    def select(self, statement: str, *values: str) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def change(self, statement: str, *values: str) -> int:
        """How many documents it changed."""
        with self._lock:
            return self._connection.execute(statement, values).rowcount

    def close(self) -> None:
        self._connection.close()


class Table(MutableMapping[str, Document]):
    """JSON documents by key. What is read is a copy: assign it back to keep a change."""

    def __init__(self, documents: Documents, name: str) -> None:
        self._documents = documents
        self._name = name

    def __getitem__(self, key: str) -> Document:
        rows = self._documents.select("SELECT document FROM documents WHERE name = ? AND key = ?", self._name, key)
        if not rows:
            raise KeyError(key)
        document: Document = json.loads(rows[0][0])
        return document

    def __setitem__(self, key: str, document: Document) -> None:
        self._documents.change(
            "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (name, key) DO UPDATE SET document = excluded.document",
            self._name,
            key,
            json.dumps(document),
        )

    def __delitem__(self, key: str) -> None:
        if not self._documents.change("DELETE FROM documents WHERE name = ? AND key = ?", self._name, key):
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        rows = self._documents.select("SELECT key FROM documents WHERE name = ? ORDER BY key", self._name)
        return iter([row[0] for row in rows])

    def __len__(self) -> int:
        return int(self._documents.select("SELECT count(*) FROM documents WHERE name = ?", self._name)[0][0])

    def starting_with(self, prefix: str) -> list[tuple[str, Document]]:
        rows = self._documents.select(
            "SELECT key, document FROM documents WHERE name = ? AND key >= ? AND key < ? ORDER BY key",
            self._name,
            prefix,
            prefix + "\U0010ffff",
        )
        return [(key, json.loads(document)) for key, document in rows]


class World:
    """One copy's cloud. Used from one thread, the event loop of `python -m local cloud`; tests look into it from theirs."""

    def __init__(self, state: Path, ports: Ports) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.state = state
        self.ports = ports
        self.clock = FileClock(state / "clock.json")
        self._documents = Documents(state / "world.db")
        self._listings: list[Callable[[], list[Document]]] = []

    def table(self, name: str) -> Table:
        return Table(self._documents, name)

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
        self._documents.close()
