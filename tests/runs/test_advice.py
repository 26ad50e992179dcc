"""Every refusal that Azure is known for gets an advice that names what to change."""

import pytest

from shared.errors import PermanentError
from shared.hubs.spec.validation import parse
from shared.runs.advice import explain

HUB = parse({"name": "r5"}, "westus")


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
        ("SkuNotAvailable", "x", None, "Standard_D2s_v3 is not offered"),
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
    fault = explain(PermanentError("Azure Resource Manager", code, message, details=details), HUB)
    assert fault.code == code
    assert message in fault.message
    assert words in fault.advice


def test_a_principal_that_was_brought_along_is_the_persons_to_check() -> None:
    spec = parse({"name": "r5", "identity": {"clientId": "x", "secret": "secret://sp"}}, "westus")
    fault = explain(PermanentError("AKS", "ServicePrincipalNotFound", "x"), spec)
    assert "identity.clientId" in fault.advice
