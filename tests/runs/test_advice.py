"""Every refusal that Azure is known for gets an advice that names what to change, and fits what was asked for."""

import re
from collections.abc import Iterator

import pytest

from shared.errors import PermanentError
from shared.hubs.spec.model import Hub
from shared.hubs.spec.validation import parse
from shared.runs import advice
from shared.runs.advice import explain
from shared.runs.model import Kind
from tests.wording import GIVES_UP

HUB = parse({"name": "r5"}, "westus")
OTHERS = [
    HUB,
    parse({"name": "r5", "identity": {"clientId": "x", "secret": "secret://sp"}}, "westus"),
    parse({"name": "r5", "identity": {"type": "managed"}}, "westus"),
]


def policy(path: str, target: object) -> object:
    expression = {"path": path, "expression": path, "targetValue": target, "operator": "Equals"}
    info = {
        "policyAssignmentDisplayName": "Costs need an owner",
        "evaluationDetails": {"evaluatedExpressions": [expression]},
    }
    return {"additionalInfo": [{"type": "PolicyViolation", "info": info}]}


@pytest.mark.parametrize(
    ("code", "message", "details", "words"),
    [
        ("RequestDisallowedByPolicy", "x", policy("tags['owner']", "false"), "set tags.owner on the hub"),
        ("RequestDisallowedByPolicy", "x", policy("location", ["eastus", "westus2"]), "eastus, westus2"),
        ("RequestDisallowedByPolicy", "x", None, "which tag or region would pass"),
        ("Failed", "RequestDisallowedByPolicy: Resource 'vmss' was disallowed", None, "Azure Policy"),
        (
            "RequestDisallowedByPolicy",
            """Policy identifiers: '[{"policyAssignment":{"name":"Costs need an owner","id":"/x"}}]'""",
            None,
            "'Costs need an owner'",
        ),
        (
            "ErrCode_InsufficientVCPUQuota",
            "Insufficient vcpu quota requested 24, remaining 6 for family standardDSv3Family for region westus.",
            None,
            "standardDSv3",
        ),
        ("OperationNotAllowed", "exceeding approved standardDSv3Family Cores quota", None, "Quotas, Compute"),
        ("OperationNotAllowed", "Operation is not allowed because there's an in progress create", None, "under way"),
        ("OperationNotAllowed", "Upgrading Kubernetes version 1.28 to 1.30 is not allowed", None, "/versions"),
        ("ScaleSetRules", "x", None, "az monitor autoscale list"),
        ("ClusterNotFound", "x", None, "--tags hubkeeper-hub=r5 "),
        ("AksCapacityHeavyUsage", "x", None, "has no room"),
        ("SkuNotAvailable", "x", None, "does not offer Standard_D2s_v3"),
        (
            "MissingSubscriptionRegistration",
            "namespace 'Microsoft.ContainerService'",
            None,
            "Microsoft.ContainerService",
        ),
        ("AuthorizationFailed", "perform action 'Microsoft.X/write' over", None, "action Microsoft.X/write"),
        ("Authorization_RequestDenied", "Insufficient privileges", None, "Application.ReadWrite.OwnedBy"),
        ("ServicePrincipalNotFound", "x", None, "Retry the run"),
        ("ServicePrincipalValidationClientError", "AADSTS7000215", None, "Retry the run"),
        ("K8sVersionNotSupported", "x", None, "/api/locations/westus/versions"),
        ("InvalidResourceGroupLocation", "x", None, "r5-rg"),
        ("ResourceGroupBeingDeleted", "x", None, "until it is gone"),
        ("ValuesRefused", "x", None, "values"),
        ("RepositoryUnreachable", "x", None, "HUBKEEPER_CHART_REPOSITORY"),
        ("HelmFailed", "x", None, "/api/hubs/r5/kubeconfig"),
        ("SecretNotFound", "x", None, "/api/hubs/r5/secrets/"),
        ("ForbiddenByRbac", "x", None, "Key Vault Secrets Officer"),
        ("AlreadyInUse", "x", None, "another registry.name"),
        ("SomethingNew", "x", None, "retry the run"),
    ],
)
def test_a_refusal_becomes_an_advice(code: str, message: str, details: object, words: str) -> None:
    fault = explain(
        PermanentError("Azure Resource Manager", code, message, details=details), HUB, Kind.CREATE, unused=True
    )
    assert fault.code == code
    assert message in fault.message
    assert words in fault.advice


@pytest.mark.parametrize("kind", Kind)
def test_an_existing_principal_is_the_persons_to_check(kind: Kind) -> None:
    fault = explain(PermanentError("AKS", "ServicePrincipalNotFound", "x"), OTHERS[1], kind)
    assert "identity.clientId" in fault.advice


def refusals() -> Iterator[PermanentError]:
    """One of every code and every wording that is known, and unknown ones."""
    details = [policy("tags['owner']", "false"), policy("location", ["eastus"]), policy("sku.name", "x"), None]
    named = """Policy identifiers: '[{"policyAssignment":{"name":"Costs need an owner","id":"/x"}}]'"""
    for code in [*advice._ADVICE, "SomethingNew", "NotFound", "Canceled"]:
        for detail in details:
            yield PermanentError("AKS", code, "x", details=detail)
        yield PermanentError("AKS", code, named)
    for words, _ in advice._MESSAGES:
        yield PermanentError("AKS", "OperationNotAllowed", " ".join(words))
    yield PermanentError("AKS", "AuthorizationFailed", "to perform action 'Microsoft.Network/dnszones/A/write' over x")
    yield PermanentError("AKS", "ErrCode_InsufficientVCPUQuota", "left regional vcpu quota 0, requested quota 2")
    yield PermanentError("AKS", "QuotaExceeded", "for family standardDSv3Family for region westus")


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("hub", OTHERS, ids=["principal", "existing principal", "managed"])
def test_only_a_create_that_nobody_has_used_is_told_to_begin_again(kind: Kind, hub: Hub) -> None:
    for error in refusals():
        for unused in (True, False):
            said = explain(error, hub, kind, unused=unused).advice
            said = re.sub("[Rr]etry the teardown", "", said) if kind is Kind.TEARDOWN else said
            if (kind, unused) != (Kind.CREATE, True):
                assert not GIVES_UP.search(said), said


def test_an_advice_to_begin_again_says_the_exact_requests() -> None:
    told = [explain(error, HUB, Kind.CREATE, unused=True).advice for error in refusals()]
    again = [said for said in told if GIVES_UP.search(said)]
    assert again
    for said in again:
        assert "end DELETE /api/hubs/r5?confirm=r5, and then POST /api/hubs with " in said


@pytest.mark.parametrize("kind", Kind)
def test_every_advice_ends_in_something_to_do(kind: Kind) -> None:
    for error in refusals():
        said = explain(error, HUB, kind).advice
        if kind is Kind.TEARDOWN:
            assert "etry the teardown" in said
            assert "PATCH" not in said
        else:
            assert re.search(r"[Rr]etry the run|PATCH /api/hubs/r5 with ", said), said
            assert "teardown" not in said
        assert re.fullmatch(r"[A-Zaz].*\.", said)


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        (Kind.UPGRADE, "QuotaExceeded", "or PATCH /api/hubs/r5 with a smaller cluster.vmSize or fewer nodes"),
        (Kind.UPGRADE, "SkuNotAvailable", "PATCH /api/hubs/r5 with another cluster.vmSize"),
        (Kind.UPGRADE, "ValuesRefused", "PATCH /api/hubs/r5 with the corrected `values`"),
        (Kind.START, "QuotaExceeded", "stop other machines there. Then retry the run."),
        (Kind.START, "AksCapacityHeavyUsage", "Retry the run in an hour."),
        (Kind.START, "K8sVersionNotSupported", "Azure's support"),
        (Kind.START, "VMExtensionProvisioningError", "Exit code 52"),
        (Kind.STOP, "OriginalEtagNotExpect", "Another operation"),
        (Kind.ROTATE, "ServicePrincipalValidationClientError", "Retry the run in a few minutes."),
    ],
)
def test_where_a_change_or_a_retry_is_the_way_it_is_named(kind: Kind, code: str, words: str) -> None:
    assert words in explain(PermanentError("AKS", code, "x"), HUB, kind).advice


def test_a_policys_tag_is_patched() -> None:
    error = PermanentError("AKS", "RequestDisallowedByPolicy", "x", details=policy("tags['owner']", "false"))
    assert 'PATCH /api/hubs/r5 with {"tags": {"owner": "..."}}' in explain(error, HUB, Kind.UPGRADE).advice


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("The managed cluster has the following webhooks, that might prevent stop/start", "Admission webhooks"),
        (
            "since the cluster enables .properties.nodeProvisioningProfile.mode 'Auto'",
            "--node-provisioning-mode Manual",
        ),
        ("left regional vcpu quota 0, requested quota 2", "all families together"),
    ],
)
def test_the_words_decide_where_a_code_means_several_things(message: str, words: str) -> None:
    assert words in explain(PermanentError("AKS", "ValidationError", message), HUB, Kind.STOP).advice
