"""Azure fails for a while, and a create goes on; Azure refuses, and the run says why and what to change.

The faults are those of research into Azure's answers: each is set on the call where it occurs.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from tests.cloud import Cloud, Host
from tests.stories import trouble as at
from tests.stories.conftest import create, gone, teardown
from tests.stories.listing import made_once
from tests.stories.trouble import LOST, RESET, Trouble, flat, kubernetes, wrapped

pytestmark = pytest.mark.story

IN_PROGRESS = (
    "Operation is not allowed because there's an in progress create managed cluster operation on the managed cluster "
    "started on UTC 2026-02-27T11:27:05Z. Please wait for it to finish before starting a new operation."
)
LOCKED = [
    {
        "code": "RetryableErrorDueToAnotherOperation",
        "message": "Operation PutVnet (g) is updating resource R. The call can be retried in 12 seconds.",
    }
]
UNKNOWN = "Resource 'x' does not exist or one of its queried reference-property objects are not present."
NO_APPLICATION = "The appId 'x' of the service principal does not reference a valid application object."
IDENTITY_BUSY = (
    "Identity operation for resource 'x' failed with error 'Failed to perform resource identity operation. Status: "
    '\'429\'. Response: \'{"error":{"message":"Request is temporarily throttled. Retry after 2 seconds."}}\'.\'.'
)

PASSING: dict[str, Trouble] = {
    "the token service is busy": Trouble(
        at.TOKEN, {"happens": "answer", "status": 429, "headers": {"Retry-After": "2"}}
    ),
    "the token service fails": Trouble(at.TOKEN, {"happens": "answer", "status": 500}),
    "policies cannot be asked": Trouble(at.POLICY_CHECK, at.too_many(6)),
    "the chart repository is down": Trouble(at.INDEX, {"happens": "answer", "status": 503}, times=2),
    "the chart does not come": Trouble(at.CHART, RESET),
    "ARM throttles a question": Trouble(at.REGISTRATION, at.too_many(6), wait=6),
    "the group is still being deleted": Trouble(
        at.GROUP,
        wrapped(409, "ResourceGroupBeingDeleted", "The resource group 'x' is in deprovisioning state."),
        wait=5,
    ),
    "the group meets an internal error": Trouble(at.GROUP, wrapped(500, "InternalServerError", "x"), wait=5),
    "the network is locked": Trouble(
        at.NETWORK, wrapped(429, "RetryableError", "A retryable error occurred.", details=LOCKED), wait=12
    ),
    "the network's gateway times out": Trouble(at.NETWORK, wrapped(504, "GatewayTimeout", "x"), wait=5),
    "the network is made and no answer comes": Trouble(at.NETWORK, LOST),
    "the directory throttles": Trouble(at.APPLICATION, at.too_many(9), wait=9),
    "the directory is down": Trouble(at.APPLICATION, wrapped(503, "ServiceUnavailable", "x"), wait=5),
    "the application is made and no answer comes": Trouble(at.APPLICATION, LOST, wait=5),
    "the application is not replicated": Trouble(
        at.PRINCIPAL, wrapped(400, "Request_BadRequest", NO_APPLICATION), times=2, wait=5
    ),
    "the principal is made and no answer comes": Trouble(at.PRINCIPAL, LOST),
    "the application is not found for a password": Trouble(
        at.PASSWORD, wrapped(404, "Request_ResourceNotFound", UNKNOWN), wait=5
    ),
    "the password is made and no answer comes": Trouble(at.PASSWORD, LOST, wait=5),
    "the vault fails": Trouble(at.READ_PASSWORD, wrapped(500, "InternalServerError", "x"), wait=5),
    "the vault still deletes the name": Trouble(
        at.KEEP_PASSWORD,
        wrapped(409, "Conflict", "Secret x is currently being deleted.", innererror={"code": "ObjectIsBeingDeleted"}),
        wait=5,
    ),
    "the vault throttles": Trouble(at.KEEP_PASSWORD, wrapped(429, "Throttled", "x", 7), wait=7),
    "the secret is kept and no answer comes": Trouble(at.KEEP_PASSWORD, LOST),
    "the principal is not replicated": Trouble(
        at.ROLE, wrapped(400, "PrincipalNotFound", "Principal x does not exist in the directory y."), times=2, wait=5
    ),
    "the role is assigned and no answer comes": Trouble(at.ROLE, LOST, wait=5),
    "the new role is not known": Trouble(
        at.CLUSTER, at.unauthorized("Microsoft.Network/virtualNetworks/subnets/join/action"), times=2, wait=10
    ),
    "AKS does not know the principal": Trouble(at.CLUSTER, at.no_principal(), times=3, wait=5),
    "AKS throttles": Trouble(at.CLUSTER, at.throttled(12), wait=12),
    "the identity service is busy": Trouble(at.CLUSTER, wrapped(429, "FailedIdentityOperation", IDENTITY_BUSY), wait=2),
    "AKS cannot read the network": Trouble(
        at.CLUSTER, flat(500, "GetVnetError", "Get virtual network failed."), wait=5
    ),
    "an earlier operation has just ended": Trouble(
        at.CLUSTER,
        flat(409, "EtagMismatch", "Operation is not allowed: Another operation is in progress"),
        wait=5,
    ),
    "another operation is in progress": Trouble(at.CLUSTER, flat(409, "OperationNotAllowed", IN_PROGRESS), wait=5),
    "the region is full for a moment": Trouble(at.CLUSTER, flat(409, "AksCapacityHeavyUsage", "x"), wait=5),
    "AKS fails": Trouble(at.CLUSTER, wrapped(503, "ServerTimeout", "x"), wait=5),
    "AKS cuts the connection": Trouble(at.CLUSTER, RESET, wait=5),
    "the cluster is begun and no answer comes": Trouble(at.CLUSTER, LOST),
    "credentials cannot be had": Trouble(at.CREDENTIALS, wrapped(503, "ServiceUnavailable", "x"), wait=5),
    "the API server is busy": Trouble(at.NODES, kubernetes(429, "TooManyRequests", "x", 8), wait=8),
    "the API server fails": Trouble(at.NODES, kubernetes(500, "InternalError", "x"), wait=5),
    "the API server is away": Trouble(at.NODES, RESET, wait=5),
    "helm meets a failing API server": Trouble(
        at.DEPLOYMENTS, kubernetes(500, "InternalError", "Internal error occurred: etcdserver: request timed out")
    ),
    "the deployments cannot be read": Trouble(
        at.READINESS,
        kubernetes(503, "ServiceUnavailable", "the server is currently unable to handle the request"),
        wait=5,
    ),
}
"""Troubles that pass, in the order in which one create meets them."""


@dataclass
class Weathered:
    """One create that met every passing trouble, and what the cloud saw of it."""

    run: dict[str, Any]
    hits: dict[str, int]
    requests: list[dict[str, Any]]
    resources: list[dict[str, Any]]

    def waits(self, name: str) -> list[float]:
        """Virtual seconds from each call that met the trouble to the next of its kind."""
        where = PASSING[name].where
        slots = [other for other, one in PASSING.items() if one.where == where for _ in range(one.times or 0)]
        times = [datetime.fromisoformat(request["time"]) for request in where.made(self.requests)]
        return [
            (times[index + 1] - times[index]).total_seconds()
            for index, met in enumerate(slots)
            if met == name and index + 1 < len(times)
        ]


@contextmanager
def hurried(cloud: Cloud, host: Host, location: str, rate: float) -> Iterator[None]:
    """Lets time fly while Azure is waited for, and walk while the hub's real processes start."""
    path = f"/api/runs/{location.rsplit('/', 1)[-1]}"
    done = threading.Event()

    def slow_down() -> None:
        while not done.wait(0.2):
            started = {step["name"] for step in host.get(path).json["steps"] if step["started"]}
            if "release" in started:
                cloud.control.clock(rate=5)
                return

    cloud.control.clock(rate=rate)
    watcher = threading.Thread(target=slow_down)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        cloud.control.clock(rate=1)


@pytest.fixture(scope="module")
def weathered(cloud: Cloud, host: Host) -> Iterator[Weathered]:
    cloud.calm()
    host.kill()
    host.start()  # without the tokens that it has
    before = cloud.control.resources()
    cloud.control.clear_requests()
    ids = {name: one.cause(cloud) for name, one in PASSING.items()}
    location = host.post("/api/hubs", {"name": "gale"}).headers["Location"]
    with hurried(cloud, host, location, rate=40):
        run = host.wait_run(location, 180)
    hits = {fault["id"]: fault["hits"] for fault in cloud.control.faults()}
    cloud.control.clear_faults()
    yield Weathered(
        run,
        {name: hits[number] for name, number in ids.items()},
        cloud.control.requests(),
        cloud.control.resources(),
    )
    cloud.calm()
    gone(host, "gale")
    assert cloud.control.resources() == before


def test_a_create_weathers_every_passing_trouble(weathered: Weathered) -> None:
    assert weathered.run["status"] == "succeeded", weathered.run
    made_once(weathered.resources, "gale")


@pytest.mark.parametrize("name", list(PASSING))
def test_it_was_met_and_waited_for_as_asked(weathered: Weathered, name: str) -> None:
    assert weathered.hits[name] == PASSING[name].times
    for waited in weathered.waits(name):
        assert waited >= PASSING[name].wait - 0.01


@dataclass(frozen=True)
class Refusal:
    """Why a create cannot succeed, and how the run must say so. rate: of the clock, for what is given up in time."""

    code: str
    advice: tuple[str, ...]
    step: str = "preflight"
    troubles: tuple[Trouble, ...] = ()
    subscription: dict[str, Any] = field(default_factory=dict)
    hub: dict[str, Any] = field(default_factory=dict)
    message: tuple[str, ...] = ()
    rate: float = 60


def always(where: at.Where, says: dict[str, Any]) -> tuple[Trouble, ...]:
    return (Trouble(where, says, times=None),)


def policy(**rule: Any) -> dict[str, Any]:
    full = {
        "name": "p",
        "displayName": "House rules",
        "resourceType": "*",
        "requireTag": None,
        "allowedLocations": None,
    }
    return {"policies": {"items": [full | rule]}}


BLIND = always(at.POLICY_CHECK, at.unauthorized("Microsoft.PolicyInsights/checkPolicyRestrictions/read"))
"""Hubkeeper may not look at the policies: what they deny shows when it is asked for."""

REFUSED: dict[str, Refusal] = {
    "a policy wants a tag": Refusal(
        "RequestDisallowedByPolicy",
        ("tags", "owner"),
        subscription=policy(requireTag="owner"),
        message=("House rules",),
    ),
    "a policy wants a tag, as the call shows": Refusal(
        "RequestDisallowedByPolicy",
        ("House rules", "tags.owner"),
        step="group",
        troubles=BLIND,
        subscription=policy(requireTag="owner"),
    ),
    "a policy wants another region": Refusal(
        "RequestDisallowedByPolicy",
        ("location",),
        subscription=policy(allowedLocations=["westeurope"]),
        message=("westeurope",),
    ),
    "a policy wants another region, as the call shows": Refusal(
        "RequestDisallowedByPolicy",
        ("House rules", "westeurope", "location"),
        step="group",
        troubles=BLIND,
        subscription=policy(allowedLocations=["westeurope"]),
    ),
    "a policy denies the nodes": Refusal(
        "RequestDisallowedByPolicy",
        ("House rules",),
        step="cluster",
        subscription=policy(resourceType="Microsoft.Compute/virtualMachineScaleSets", requireTag="owner"),
    ),
    "the quota is used up": Refusal(
        "QuotaExceeded",
        ("Quotas", "vmSize"),
        subscription={"quotas": {"limits": {"westus": {"standardDSv3Family": 4}}}},
    ),
    "the quota is used up, as the call shows": Refusal(
        "ErrCode_InsufficientVCPUQuota",
        ("standardDSv3", "Quotas", "vmSize"),
        step="cluster",
        troubles=always(
            at.CLUSTER,
            flat(
                400,
                "ErrCode_InsufficientVCPUQuota",
                "Insufficient vcpu quota requested 6, remaining 4 for family standardDSv3Family for region westus.",
            ),
        ),
    ),
    "the quota is used up, in compute's words": Refusal(
        "OperationNotAllowed",
        ("Quotas", "vmSize"),
        step="cluster",
        troubles=always(
            at.CLUSTER,
            wrapped(
                409,
                "OperationNotAllowed",
                "Operation could not be completed as it results in exceeding approved standardDSv3Family Cores quota.",
            ),
        ),
    ),
    "there are too many clusters": Refusal(
        "ManagedClusterCountExceedsQuotaLimit",
        ("location", "remove"),
        step="cluster",
        troubles=always(at.CLUSTER, flat(400, "ManagedClusterCountExceedsQuotaLimit", "x")),
    ),
    "the size is not offered": Refusal(
        "SkuNotAvailable",
        ("vmSize", "location"),
        step="cluster",
        troubles=always(at.CLUSTER, flat(400, "SkuNotAvailable", "x")),
    ),
    "there are no machines left": Refusal(
        "AllocationFailed",
        ("vmSize", "location"),
        step="cluster",
        subscription={"outcomes": {"items": [{"operation": "create", "code": "AllocationFailed", "message": "full"}]}},
    ),
    "the provider is not registered": Refusal(
        "MissingSubscriptionRegistration",
        ("az provider register --namespace Microsoft.Network",),
        step="network",
        troubles=always(
            at.NETWORK,
            wrapped(
                409,
                "MissingSubscriptionRegistration",
                "The subscription is not registered to use namespace 'Microsoft.Network'.",
            ),
        ),
    ),
    "the provider may not be registered": Refusal(
        "AuthorizationFailed",
        ("Microsoft.ContainerService/register/action",),
        step="providers",
        subscription={
            "providers": {"states": {"Microsoft.ContainerService": "NotRegistered"}},
            "denied": {"actions": ["Microsoft.ContainerService/register/action"]},
        },
    ),
    "a permission is missing": Refusal(
        "AuthorizationFailed",
        ("Contributor",),
        subscription={"denied": {"actions": ["Microsoft.Network/virtualNetworks/write"]}},
        message=("Microsoft.Network/virtualNetworks/write",),
    ),
    "a permission is missing, as the call shows": Refusal(
        "AuthorizationFailed",
        ("Microsoft.Network/virtualNetworks/write", "Contributor"),
        step="network",
        troubles=always(at.NETWORK, at.unauthorized("Microsoft.Network/virtualNetworks/write")),
    ),
    "a permission never comes": Refusal(
        "AuthorizationFailed",
        ("Microsoft.ContainerService/managedClusters/write",),
        step="cluster",
        troubles=always(at.CLUSTER, at.unauthorized("Microsoft.ContainerService/managedClusters/write")),
    ),
    "no applications may be made, as the call shows": Refusal(
        "Authorization_RequestDenied",
        ("Application.ReadWrite.OwnedBy", "identity"),
        step="identity",
        troubles=always(
            at.APPLICATION,
            wrapped(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
        ),
    ),
    "the version is not offered": Refusal(
        "K8sVersionNotSupported",
        ("/api/locations/westus/versions",),
        hub={"cluster": {"kubernetesVersion": "1.20.1"}},
    ),
    "the version is not offered, as the call shows": Refusal(
        "K8sVersionNotSupported",
        ("/api/locations/westus/versions",),
        step="cluster",
        troubles=always(at.CLUSTER, flat(400, "K8sVersionNotSupported", "x is on version y, which is not supported")),
    ),
    "the principal never comes": Refusal(
        "ServicePrincipalNotFound",
        ("Retry the run",),
        step="cluster",
        troubles=always(at.CLUSTER, at.no_principal()),
        message=("minutes",),
    ),
    "the region stays full": Refusal(
        "AksCapacityHeavyUsage",
        ("location",),
        step="cluster",
        troubles=always(at.CLUSTER, flat(409, "AksCapacityHeavyUsage", "x")),
        message=("minutes",),
        rate=200,
    ),
    "the password is refused by the nodes": Refusal(
        "ServicePrincipalValidationClientError",
        ("password",),
        step="cluster",
        subscription={
            "outcomes": {
                "items": [
                    {
                        "operation": "create",
                        "code": "ServicePrincipalValidationClientError",
                        "message": "AADSTS7000215: Invalid client secret provided.",
                    }
                ]
            }
        },
    ),
    "the vault may not be written": Refusal(
        "ForbiddenByRbac",
        ("Key Vault Secrets Officer",),
        step="identity",
        troubles=always(at.KEEP_PASSWORD, wrapped(403, "Forbidden", "x", innererror={"code": "ForbiddenByRbac"})),
    ),
    "the vault keeps a deleted secret": Refusal(
        "ForbiddenByPolicy",
        ("Key Vault Secrets Officer",),
        step="identity",
        troubles=(
            *always(
                at.KEEP_PASSWORD,
                wrapped(409, "Conflict", "x", innererror={"code": "ObjectIsDeletedButRecoverable"}),
            ),
            *always(
                at.Where("keyvault", "*", "/deletedsecrets/.*service-principal-password"),
                wrapped(403, "Forbidden", "x", innererror={"code": "ForbiddenByPolicy"}),
            ),
        ),
    ),
    "the chart is not there": Refusal(
        "ChartNotFound", ("release.version",), hub={"release": {"version": "99.0.0"}}, message=("99.0.0",)
    ),
    "the chart refuses the values": Refusal(
        "ValuesRefused", ("values",), hub={"values": {"hub": {"nonsense": 1}}}, message=("nonsense",)
    ),
    "the chart repository stays away": Refusal(
        "RepositoryUnreachable",
        ("HUBKEEPER_CHART_REPOSITORY",),
        troubles=always(at.INDEX, {"happens": "answer", "status": 503}),
        message=("minutes",),
        rate=200,
    ),
    "Kubernetes forbids the chart": Refusal(
        "Forbidden",
        ("kubeconfig",),
        step="release",
        troubles=always(
            at.DEPLOYMENTS,
            kubernetes(403, "Forbidden", 'deployments.apps "hub" is forbidden: the namespace is not for this'),
        ),
    ),
    "the hub never answers": Refusal(
        "HubNotUsable",
        ("kubeconfig",),
        step="usable",
        hub={"values": {"hub": {"extraConfig": {"broken": "raise SystemExit('no such luck')"}}}},
        rate=60,
    ),
}
"""Troubles that stay until somebody changes something."""


@contextmanager
def refusing(cloud: Cloud, refusal: Refusal) -> Iterator[None]:
    cloud.control.subscription(**refusal.subscription)
    for one in refusal.troubles:
        one.cause(cloud)
    cloud.control.clock(rate=refusal.rate)
    try:
        yield
    finally:
        cloud.calm()
        cloud.control.subscription(**dict.fromkeys(refusal.subscription))


@pytest.mark.parametrize("name", list(REFUSED))
def test_a_refusal_names_what_to_change_and_leaves_nothing_behind(cloud: Cloud, host: Host, name: str) -> None:
    before, refusal = cloud.control.resources(), REFUSED[name]
    with refusing(cloud, refusal):
        run = create(host, {"name": "lull"} | refusal.hub)
    try:
        assert run["status"] == "failed", run
        failed = [step for step in run["steps"] if step["status"] == "failed"]
        assert [step["name"] for step in failed] == [refusal.step]
        error = run["error"]
        assert error["code"] == refusal.code, json.dumps(error)
        assert failed[0]["message"] == error["message"]
        for words in refusal.advice:
            assert words in error["advice"]
        for words in refusal.message:
            assert words in error["message"]
        assert host.get("/api/hubs/lull").json["status"] == "failed"
    finally:
        receipt = teardown(host, "lull")["receipt"]
    assert receipt["remaining"] == []
    assert cloud.control.resources() == before
