"""A cluster's API as the adapters use it, answered from what a test put in."""

from collections.abc import Mapping
from typing import Any

from shared.errors import NotFoundError
from shared.kubernetes.client import Kubernetes


class FakeCluster(Kubernetes):
    """A dictionary of objects by path, and a log of changes."""

    def __init__(self, objects: Mapping[str, Any] | None = None) -> None:
        self.objects = dict(objects or {})
        self.calls: list[tuple[Any, ...]] = []

    def __repr__(self) -> str:
        return "FakeCluster()"

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        if path not in self.objects:
            raise NotFoundError("Kubernetes", "NotFound", path, status=404)
        found: dict[str, Any] = self.objects[path]
        return found

    def list(self, path: str, labels: str = "", fields: str = "") -> list[dict[str, Any]]:
        self.calls.append(("list", path, labels, fields))
        found: list[dict[str, Any]] = self.objects.get(path, [])
        return found

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(("create", path, body))
        answer = self.objects.get(f"POST {path}")
        if isinstance(answer, Exception):
            raise answer
        return body

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(("patch", path, body))
        return body

    def delete(self, path: str) -> bool:
        self.calls.append(("delete", path))
        answer = self.objects.get(f"DELETE {path}", path in self.objects)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)
