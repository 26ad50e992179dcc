"""One cluster's objects: kept in memory and in the world, numbered by resource version, with a history for watches.

Documents handed out are the stored ones: callers copy before they change anything (`clone`).
"""

import asyncio
import contextlib
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from local.kubernetes.objects.errors import already_exists, conflict, expired, not_found
from local.kubernetes.objects.kinds import BY_KIND, Kind
from local.world import Document, Table

HISTORY = 5000
"""Changes that a watch can go back to; earlier ones are answered with 410."""


@dataclass(frozen=True)
class Change:
    """One write. `before` is None for a creation, `after` is None for a removal."""

    revision: int
    kind: Kind
    before: Document | None
    after: Document | None


def clone[T](value: T) -> T:
    """A deep copy of a JSON value; much faster than `copy.deepcopy`, and this is done all the time."""
    if isinstance(value, dict):
        return {name: clone(item) for name, item in value.items()}  # type: ignore[return-value]  # a dict again
    if isinstance(value, list):
        return [clone(item) for item in value]  # type: ignore[return-value]  # a list again
    return value


def meta(document: Document) -> Document:
    found: Document = document["metadata"]
    return found


def reference(document: Document) -> tuple[str, str]:
    """Namespace ("" for cluster-wide kinds) and name."""
    return meta(document).get("namespace", ""), meta(document)["name"]


class Store:
    """The etcd of one cluster. `prefix` sets its rows apart from those of other clusters in the same table."""

    def __init__(self, table: Table, prefix: str, now: Callable[[], str]) -> None:
        self._table = table
        self._prefix = prefix
        self.now = now
        """The time for new objects: RFC 3339, UTC, whole seconds, virtual."""
        self._objects: dict[Kind, dict[tuple[str, str], Document]] = {}
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._waiting: set[asyncio.Future[None]] = set()
        self.closed = False
        self.revision = int(table.get(f"{prefix}|revision", {"value": 100})["value"])
        self.oldest = self.revision
        for _, row in table.starting_with(f"{prefix}|object|"):
            document = row
            kind = BY_KIND[document["apiVersion"], document["kind"]]
            self._objects.setdefault(kind, {})[reference(document)] = document

    def get(self, kind: Kind, namespace: str, name: str) -> Document | None:
        return self._objects.get(kind, {}).get((namespace if kind.namespaced else "", name))

    def require(self, kind: Kind, namespace: str, name: str) -> Document:
        """Raises ApiError 404."""
        found = self.get(kind, namespace, name)
        if found is None:
            raise not_found(kind, name)
        return found

    def all(self, kind: Kind, namespace: str = "") -> list[Document]:
        """In etcd's order: by namespace, then name. Every namespace unless one is given."""
        held = self._objects.get(kind, {})
        return [held[key] for key in sorted(held) if namespace in ("", key[0])]

    def kinds(self) -> list[Kind]:
        return [kind for kind, held in self._objects.items() if held]

    def create(self, kind: Kind, document: Document, *, dry_run: bool = False) -> Document:
        """Adds an object; fills in uid (unless given), creation time and version. Raises ApiError 409."""
        document = clone(document)
        document.update({"apiVersion": kind.api_version, "kind": kind.kind})
        metadata = meta(document)
        if self.get(kind, *reference(document)) is not None:
            raise already_exists(kind, metadata["name"])
        metadata.setdefault("uid", str(uuid.uuid4()))
        metadata["creationTimestamp"] = self.now()
        if kind.generation:
            metadata["generation"] = 1
        return document if dry_run else self._write(kind, None, document)

    def update(self, kind: Kind, document: Document, *, dry_run: bool = False) -> Document:
        """Replaces an object; nothing happens when nothing changed.

        Raises ApiError 404 when it is gone, 409 when the document carries another resource version or uid than
        the stored one. An object that waits for its deletion and has no finalizer left is removed, unless it has been
        given time: then whoever ends it removes it.
        """
        before = self.require(kind, *reference(document))
        document = clone(document)
        metadata, old = meta(document), meta(before)
        if metadata.get("resourceVersion") not in (None, "", "0", old["resourceVersion"]):
            raise conflict(kind, metadata["name"])
        if metadata.get("uid") not in (None, "", old["uid"]):
            why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {old['uid']}"
            raise conflict(kind, metadata["name"], why)
        for name in ("uid", "creationTimestamp", "resourceVersion"):
            metadata[name] = old[name]
        if document == before or dry_run:
            return document
        after = self._write(kind, before, document)
        given_time = metadata.get("deletionGracePeriodSeconds")
        if metadata.get("deletionTimestamp") and not given_time and not holds(after):
            self.remove(kind, *reference(after))
        return after

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        """Takes an object away at once. Raises ApiError 404."""
        before = self.require(kind, namespace, name)
        key = reference(before)
        del self._objects[kind][key]
        with contextlib.suppress(KeyError):
            del self._table[self._row(kind, key)]
        self._record(kind, before, None)

    def _write(self, kind: Kind, before: Document | None, document: Document) -> Document:
        meta(document)["resourceVersion"] = str(self.revision + 1)
        key = reference(document)
        self._objects.setdefault(kind, {})[key] = document
        self._table[self._row(kind, key)] = document
        self._record(kind, before, document)
        return document

    def _row(self, kind: Kind, key: tuple[str, str]) -> str:
        return f"{self._prefix}|object|{kind.resource}|{key[0]}|{key[1]}"

    def _record(self, kind: Kind, before: Document | None, after: Document | None) -> None:
        self.revision += 1
        self._table[f"{self._prefix}|revision"] = {"value": self.revision}
        if len(self._history) == HISTORY:
            self.oldest = self._history[0].revision
        self._history.append(Change(self.revision, kind, before, after))
        self._wake()

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    def changes(self, after: int) -> list[Change]:
        """What happened since a resource version. Raises ApiError 410 when that is forgotten."""
        if after < self.oldest:
            raise expired(after, self.oldest)
        if after >= self.revision:
            return []
        skipped = max(0, len(self._history) - (self.revision - after))
        return [change for change in list(self._history)[skipped:] if change.revision > after]

    async def wait(self, after: int, seconds: float) -> None:
        """Returns when something has changed since a resource version, after so many real seconds, or on close."""
        if self.revision > after or self.closed:
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await asyncio.wait_for(waiting, seconds)
        except TimeoutError:
            self._waiting.discard(waiting)

    def close(self) -> None:
        """Ends all watches."""
        self.closed = True
        self._wake()

    def erase(self) -> None:
        """Forgets the cluster: nothing of it stays in the world."""
        self.close()
        for key, _ in self._table.starting_with(f"{self._prefix}|"):
            del self._table[key]
        self._objects.clear()


def holds(document: Document) -> bool:
    """Whether a finalizer, or for a namespace its content, still keeps an object from being removed."""
    return bool(meta(document).get("finalizers") or (document.get("spec") or {}).get("finalizers"))


def listed(document: Document, cluster: str) -> Document:
    """The row of an object in the world's listing: no values, only that it exists."""
    namespace, name = reference(document)
    return {
        "kind": "kubernetes",
        "id": f"{cluster}/{document['apiVersion']}/{document['kind']}/{namespace}/{name}",
    }
