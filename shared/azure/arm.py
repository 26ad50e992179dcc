"""Azure Resource Manager: groups, providers, and any resource by its id."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared.azure.credentials import TokenSource
from shared.azure.operations import Operation, Progress, begun, poll
from shared.azure.rest import TIMEOUTS, Answer, Json, Rest, policies, run, run_pages
from shared.errors import NotFoundError
from shared.settings import Settings

SYSTEM = "Azure Resource Manager"
SUBSCRIPTIONS_API = "2022-12-01"


@dataclass(frozen=True)
class Group:
    """A resource group. state: provisioningState, "Succeeded" or "Deleting"."""

    id: str
    name: str
    location: str
    tags: dict[str, str]
    state: str


@dataclass(frozen=True)
class Resource:
    """A resource as listings name it. Compare ids and types case-insensitively: Azure's own spelling varies."""

    id: str
    type: str
    name: str
    location: str | None
    tags: dict[str, str]


class ResourceManager:
    """Waits for nothing: what takes long is begun, and `progress` looks at it once."""

    def __init__(self, settings: Settings, credential: TokenSource) -> None:
        self._settings = settings
        self._credential = credential
        self._rest = Rest(SYSTEM, settings.arm_endpoint, lambda: self._sdk)

    @cached_property
    def _sdk(self) -> Any:
        from azure.mgmt.resource.resources import ResourceManagementClient

        endpoint = self._settings.arm_endpoint
        return ResourceManagementClient(
            self._credential,
            self._settings.subscription_id,
            base_url=endpoint,
            policies=policies(self._credential, endpoint),
            **TIMEOUTS,
        )

    @property
    def subscription_path(self) -> str:
        return f"/subscriptions/{self._settings.subscription_id}"

    def subscription(self) -> Json:
        """The subscription, with `displayName`, `state` ("Enabled") and `tenantId`."""
        return self._rest.call("GET", self.subscription_path, params={"api-version": SUBSCRIPTIONS_API}).document

    def provider_state(self, namespace: str) -> str:
        """The registration of a resource provider, such as "Registered", "Registering" or "NotRegistered"."""
        answer = run(SYSTEM, self._sdk.providers.get, namespace)
        return str(answer.document.get("registrationState", ""))

    def register_provider(self, namespace: str) -> None:
        """Begins the registration, which takes a minute or so; registered already is fine."""
        run(SYSTEM, self._sdk.providers.register, namespace)

    def group(self, name: str) -> Group | None:
        try:
            return read_group(run(SYSTEM, self._sdk.resource_groups.get, name).document)
        except NotFoundError:
            return None

    def put_group(self, name: str, location: str, tags: Mapping[str, str]) -> Group:
        """Makes the group, or replaces the tags of the one that is there. PermanentError when that is elsewhere."""
        body = {"location": location, "tags": dict(tags)}
        return read_group(run(SYSTEM, self._sdk.resource_groups.create_or_update, name, body).document)

    def delete_group(self, name: str) -> Operation | None:
        """Begins to delete the group with everything in it; None when it was not there."""
        try:
            return begun(run(SYSTEM, self._sdk.resource_groups.begin_delete, name))
        except NotFoundError:
            return None

    def resources_in_group(self, name: str) -> list[Resource]:
        """Everything in the group; nothing when there is no such group."""
        try:
            return [read_resource(item) for item in run_pages(SYSTEM, self._sdk.resources.list_by_resource_group, name)]
        except NotFoundError:
            return []

    def resources_tagged(self, key: str, value: str) -> list[Resource]:
        listed = run_pages(SYSTEM, self._sdk.resources.list, filter=tag_filter(key, value))
        return [read_resource(item) for item in listed]

    def get(self, resource_id: str, api_version: str) -> Json | None:
        """The resource as its provider describes it; None when it, its group or its parent does not exist."""
        try:
            return run(SYSTEM, self._sdk.resources.get_by_id, resource_id, api_version=api_version).document
        except NotFoundError:
            return None

    def put(
        self,
        resource_id: str,
        api_version: str,
        body: Json,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> tuple[Json, Operation | None]:
        """Makes or replaces the resource: as it is now, and what is still going on.

        ConflictError: etag out of date, or with if_none_match "*" the resource exists already.
        """
        conditions = {"If-Match": if_match, "If-None-Match": if_none_match}
        headers = {name: value for name, value in conditions.items() if value}
        begin = self._sdk.resources.begin_create_or_update_by_id
        return _changed(run(SYSTEM, begin, resource_id, body, api_version=api_version, headers=headers))

    def patch(self, resource_id: str, api_version: str, body: Json) -> tuple[Json, Operation | None]:
        """Changes what the body names, as far as the provider can; AKS, for instance, only tags."""
        return _changed(run(SYSTEM, self._sdk.resources.begin_update_by_id, resource_id, body, api_version=api_version))

    def delete(self, resource_id: str, api_version: str) -> Operation | None:
        """Begins to delete the resource; None when it is gone already, or was never there."""
        try:
            return begun(run(SYSTEM, self._sdk.resources.begin_delete_by_id, resource_id, api_version=api_version))
        except NotFoundError:
            return None

    def post(self, path: str, api_version: str, body: Json | None = None) -> tuple[int, Json | None, Operation | None]:
        """An action on a resource: HTTP status, answer, and what is still going on."""
        answer = self._rest.call("POST", path, params={"api-version": api_version}, body=body)
        return answer.status, answer.body, begun(answer)

    def list(self, path: str, api_version: str, params: Mapping[str, str] | None = None) -> list[Json]:
        """All pages of a listing."""
        return self._rest.pages(path, {"api-version": api_version, **(params or {})})

    def read(self, path: str, api_version: str, params: Mapping[str, str] | None = None) -> Json:
        """A document that is not a resource, such as the availability of a name. Raises NotFoundError."""
        return self._rest.call("GET", path, params={"api-version": api_version, **(params or {})}).document

    def progress(self, operation: Operation) -> Progress:
        """One look at an operation, whichever provider it is of. Raises as operations.poll."""
        return poll(self._rest, operation)

    def result(self, operation: Operation) -> Json | None:
        """The result of an action that takes its time; None while it goes on. Raises NotFoundError when Azure has forgotten it."""
        answer = self._rest.call("GET", str(operation.location_url or operation.status_url))
        return None if answer.status == 202 else answer.document


def _changed(answer: Answer) -> tuple[Json, Operation | None]:
    return answer.document, begun(answer)


def read_group(document: Json) -> Group:
    state = (document.get("properties") or {}).get("provisioningState") or ""
    return Group(document["id"], document["name"], document["location"], document.get("tags") or {}, state)


def read_resource(document: Json) -> Resource:
    return Resource(
        document["id"], document["type"], document["name"], document.get("location"), document.get("tags") or {}
    )


def tag_filter(key: str, value: str) -> str:
    """OData's way to say that a tag has a value; a quote is doubled."""
    quoted = [text.replace("'", "''") for text in (key, value)]
    return f"tagName eq '{quoted[0]}' and tagValue eq '{quoted[1]}'"
