"""Answers of the API server to reads: objects, lists, tables, and streams of changes."""

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

from local.kubernetes.api import tables
from local.kubernetes.api.requests import Target, truthy
from local.kubernetes.objects.errors import ApiError, bad_request, expired
from local.kubernetes.objects.selectors import field_test, label_test
from local.kubernetes.objects.store import Change, Store, meta, reference
from local.world import Document


@dataclass(frozen=True)
class Form:
    """How the client wants objects (`Accept`): as they are, as table rows, or as metadata only."""

    kind: str = ""
    include: str = "Metadata"


def form(request: Request) -> Form:
    """The first form in `Accept` that this server knows; JSON when there is none."""
    for part in request.headers.get("accept", "").split(","):
        parameters = dict(item.strip().partition("=")[::2] for item in part.split(";")[1:])
        kind = parameters.get("as", "")
        if kind.startswith(("Table", "PartialObjectMetadata")) and parameters.get("v") == "v1":
            return Form(kind.removesuffix("List"), request.query_params.get("includeObject", "Metadata"))
        if not kind and "json" in part:
            break
    return Form()


def single(document: Document, wanted: Form, now: datetime) -> Document:
    if wanted.kind == "Table":
        version = {"resourceVersion": meta(document)["resourceVersion"]}
        return tables.table(document["kind"], [document], version, now, wanted.include)
    return tables.partial(document) if wanted.kind else document


def _selection(request: Request) -> Callable[[Document], bool]:
    """Raises ApiError 400 for a selector that cannot be read."""
    labels = label_test(request.query_params.get("labelSelector", ""))
    fields = field_test(request.query_params.get("fieldSelector", ""))
    return lambda document: labels(meta(document).get("labels") or {}) and fields(document)


def _in(target: Target, document: Document) -> bool:
    namespace, name = reference(document)
    return target.namespace in ("", namespace) and target.name in ("", name)


def _page(request: Request, documents: list[Document], list_meta: Document, store: Store) -> list[Document]:
    """One page of a list; notes in `list_meta` how to get the next. Raises ApiError 400, 410."""
    start: list[str] = []
    if token := request.query_params.get("continue"):
        try:
            held = json.loads(base64.urlsafe_b64decode(token))
            start, version = held["start"], int(held["rv"])
        except (ValueError, KeyError):
            raise bad_request("continue key is not valid") from None
        if version < store.oldest:
            raise expired(version, store.oldest)
        list_meta["resourceVersion"] = str(version)
    documents = [one for one in documents if list(reference(one)) > start]
    limit = int(request.query_params.get("limit") or 0)
    if limit <= 0 or len(documents) <= limit:
        return documents
    last = {"rv": list_meta["resourceVersion"], "start": list(reference(documents[limit - 1]))}
    list_meta["continue"] = base64.urlsafe_b64encode(json.dumps(last).encode()).decode()
    list_meta["remainingItemCount"] = len(documents) - limit
    return documents[:limit]


def listing(store: Store, target: Target, request: Request, now: datetime) -> Document:
    """The list of a kind's objects that the query selects."""
    test = _selection(request)
    found = [one for one in store.all(target.kind, target.namespace) if test(one)]
    list_meta: Document = {"resourceVersion": str(store.revision)}
    found = _page(request, found, list_meta, store)
    wanted = form(request)
    if wanted.kind == "Table":
        return tables.table(target.kind.kind, found, list_meta, now, wanted.include)
    if wanted.kind:
        return _list("PartialObjectMetadataList", "meta.k8s.io/v1", list_meta, [tables.partial(one) for one in found])
    # As in the real server, the items of a list leave out what the list already says.
    items = [{name: value for name, value in one.items() if name not in ("kind", "apiVersion")} for one in found]
    return _list(f"{target.kind.kind}List", target.kind.api_version, list_meta, items)


def _list(kind: str, api_version: str, list_meta: Document, items: list[Any]) -> Document:
    return {"kind": kind, "apiVersion": api_version, "metadata": list_meta, "items": items}


class Watch:
    """One client's stream of changes."""

    def __init__(self, store: Store, target: Target, request: Request, now: Callable[[], datetime]) -> None:
        self._store = store
        self._target = target
        self._now = now
        self._test = _selection(request)
        self._form = form(request)
        self._bookmarks = truthy(request, "allowWatchBookmarks")
        self._initial = truthy(request, "sendInitialEvents")
        self._first = True
        version = request.query_params.get("resourceVersion", "")
        self._from_start = version in ("", "0") or self._initial
        if not version.isdigit() and version:
            raise bad_request(f'invalid resource version "{version}"')
        self._revision = store.revision if self._from_start else int(version)
        self._seconds = float(request.query_params.get("timeoutSeconds") or 1800)

    async def lines(self) -> AsyncIterator[bytes]:
        """One JSON event a line, until the time is over (real seconds) or the server closes."""
        end = time.monotonic() + self._seconds
        for line in self._beginning():
            yield line
        while not self._store.closed:
            try:
                changes = self._store.changes(self._revision)
            except ApiError as error:
                yield self._line("ERROR", error.status())
                return
            for change in changes:
                self._revision = change.revision
                if (event := self._translate(change)) is not None:
                    yield event
            left = end - time.monotonic()
            if left <= 0:
                break
            await self._store.wait(self._revision, left)
        if self._bookmarks and not self._store.closed:
            yield self._bookmark({})

    def _beginning(self) -> list[bytes]:
        """What exists already, for a client that asks for it."""
        if not self._from_start:
            return []
        held = self._store.all(self._target.kind, self._target.namespace)
        events = [self._event("ADDED", document) for document in held if self._seen(document)]
        return [*events, self._bookmark({"k8s.io/initial-events-end": "true"})] if self._initial else events

    def _seen(self, document: Document | None) -> bool:
        return document is not None and _in(self._target, document) and self._test(document)

    def _translate(self, change: Change) -> bytes | None:
        """A change as this watch sees it: an object that leaves its selection is deleted for it."""
        if change.kind is not self._target.kind:
            return None
        before, after = self._seen(change.before), self._seen(change.after)
        if after and change.after is not None:
            return self._event("MODIFIED" if before else "ADDED", change.after)
        if before:
            last = change.after or change.before or {}
            version = {**last["metadata"], "resourceVersion": str(change.revision)}
            return self._event("DELETED", {**last, "metadata": version})
        return None

    def _event(self, kind: str, document: Document) -> bytes:
        shown = single(document, self._form, self._now())
        if self._form.kind == "Table" and not self._first:
            shown["columnDefinitions"] = None
        self._first = False
        return self._line(kind, shown)

    def _bookmark(self, annotations: dict[str, str]) -> bytes:
        kind = self._target.kind
        metadata: Document = {"resourceVersion": str(self._revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        return self._line("BOOKMARK", {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata})

    def _line(self, kind: str, document: Document) -> bytes:
        return json.dumps({"type": kind, "object": document}, separators=(",", ":")).encode() + b"\n"
