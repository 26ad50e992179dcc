"""Each refusal on record (azure-facts, section 3) becomes the right kind of error."""

import json
from typing import Any

import pytest

from shared.azure.errors import also_temporary, classify, retry_after
from shared.errors import ConflictError, NotFoundError, OutsideError, PermanentError, TemporaryError


def wrapped(code: str, message: str = "said", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


def flat(code: str, message: str = "said", **more: Any) -> dict[str, Any]:
    return {"code": code, "details": None, "message": message, "subcode": "", **more}


IN_PROGRESS = (
    "Operation is not allowed because there's an in progress create managed cluster operation (operation ID: x) on the "
    "managed cluster started on UTC 2025-02-27T11:27:05Z. Please wait for it to finish before starting a new operation."
)
IN_PROGRESS_BEFORE = (
    "Operation is not allowed: Another operation (nodepool1 - Updating) is in progress, please wait for it to finish "
    "before starting a new operation."
)
QUOTA = (
    "Operation could not be completed as it results in exceeding approved standardDASv5Family Cores quota. Additional "
    "details - Deployment Model: Resource Manager, Location: eastus, Current Limit: 100, Current Usage: 96"
)
UPGRADE_PATH = "Upgrading Kubernetes version 1.28.12 to 1.30.2 is not allowed. Available upgrades: [1.29.7]."
STOPPED = "Operation is not allowed: the managed cluster is stopped."
NOT_REFERENCED = "The appId 'x' of the service principal does not reference a valid application object."

ANSWERS: list[tuple[int, Any, type[OutsideError]]] = [
    (404, wrapped("ResourceNotFound"), NotFoundError),
    (404, wrapped("ResourceGroupNotFound"), NotFoundError),
    (404, flat("NotFound"), NotFoundError),
    (404, wrapped("SecretNotFound"), NotFoundError),
    (404, wrapped("Request_ResourceNotFound"), NotFoundError),
    (404, wrapped("InvalidResourceType"), PermanentError),
    (404, wrapped("SubscriptionNotFound"), PermanentError),
    (403, wrapped("RequestDisallowedByPolicy"), PermanentError),
    (400, wrapped("InvalidTemplateDeployment", details=[{"code": "RequestDisallowedByPolicy"}]), PermanentError),
    (400, flat("ErrCode_InsufficientVCPUQuota"), PermanentError),
    (409, wrapped("OperationNotAllowed", QUOTA), PermanentError),
    (400, wrapped("InvalidTemplateDeployment", details=[{"code": "QuotaExceeded"}]), PermanentError),
    (400, flat("ServicePrincipalNotFound"), TemporaryError),
    (400, wrapped("PrincipalNotFound"), TemporaryError),
    (400, flat("ServicePrincipalValidationClientError", "AADSTS7000222: expired"), PermanentError),
    (409, flat("OperationNotAllowed", IN_PROGRESS), TemporaryError),
    (409, flat("OperationNotAllowed", IN_PROGRESS_BEFORE), TemporaryError),
    (409, flat("OperationNotAllowed", STOPPED), PermanentError),
    (400, flat("OperationNotAllowed", UPGRADE_PATH), PermanentError),
    (409, flat("EtagMismatch", details=[{"code": "Unspecified", "message": "Etag mismatched"}]), TemporaryError),
    (412, wrapped("PreconditionFailed"), ConflictError),
    (400, flat("BadRequest", "Provisioning State(Succeeded) and Power State(Stopped)"), PermanentError),
    (409, wrapped("MissingSubscriptionRegistration"), PermanentError),
    (403, wrapped("AuthorizationFailed"), PermanentError),
    (401, wrapped("InvalidAuthenticationToken"), PermanentError),
    (401, wrapped("ExpiredAuthenticationToken"), TemporaryError),
    (400, flat("K8sVersionNotSupported"), PermanentError),
    (400, flat("AgentPoolK8sVersionNotSupported"), PermanentError),
    (400, flat("ValidationError", subcode="UpgradeBlockedOnDeprecatedAPIUsage"), PermanentError),
    (400, flat("InvalidParameter", target="localDNSProfile.mode"), PermanentError),
    (400, flat("PropertyChangeNotAllowed"), PermanentError),
    (400, flat("AksCapacityHeavyUsage"), TemporaryError),
    (429, flat("Throttled"), TemporaryError),
    (429, wrapped("TooManyRequests"), TemporaryError),
    (429, wrapped("RetryableError", details=[{"code": "RetryableErrorDueToAnotherOperation"}]), TemporaryError),
    (429, wrapped("FailedIdentityOperation"), TemporaryError),
    (408, wrapped("RequestTimeout"), TemporaryError),
    (500, wrapped("InternalServerError"), TemporaryError),
    (502, "<html>Bad gateway</html>", TemporaryError),
    (503, None, TemporaryError),
    (504, wrapped("GatewayTimeout"), TemporaryError),
    (500, flat("GetVnetError"), TemporaryError),
    (400, wrapped("InUseSubnetCannotBeDeleted", details=[]), PermanentError),
    (409, wrapped("RoleAssignmentExists"), ConflictError),
    (409, wrapped("InvalidResourceGroupLocation"), ConflictError),
    (409, wrapped("ResourceGroupBeingDeleted"), TemporaryError),
    (409, wrapped("VaultAlreadyExists"), ConflictError),
    (409, wrapped("Conflict", innererror={"code": "ObjectIsDeletedButRecoverable"}), ConflictError),
    (409, wrapped("Conflict", innererror={"code": "ObjectIsBeingDeleted"}), TemporaryError),
    (400, wrapped("MethodNotAllowed", innererror={"code": "RequestNotAllowedOnNonDeletedObject"}), PermanentError),
    (403, wrapped("Forbidden", innererror={"code": "ForbiddenByRbac"}), PermanentError),
    (403, wrapped("Authorization_RequestDenied", innerError={"date": "2026-11-22"}), PermanentError),
    (400, wrapped("Request_BadRequest", NOT_REFERENCED), PermanentError),
    (
        409,
        {"odata.error": {"code": "EntityAlreadyExists", "message": {"lang": "en", "value": "exists"}}},
        ConflictError,
    ),
    (412, {"odata.error": {"code": "UpdateConditionNotSatisfied", "message": {"value": "changed"}}}, ConflictError),
    (404, {"odata.error": {"code": "TableNotFound", "message": {"value": "none"}}}, NotFoundError),
]


@pytest.mark.parametrize(("status", "body", "kind"), ANSWERS, ids=[f"{s}-{json.dumps(b)[:60]}" for s, b, _ in ANSWERS])
def test_an_answer_is_of_its_kind(status: int, body: Any, kind: type[OutsideError]) -> None:
    error = classify("Azure", status, body)
    assert type(error) is kind
    assert error.status == status


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("Canceled", "Operation is being canceled by user", PermanentError),
        ("CreateManagedAppError", "said", PermanentError),
        ("AksCapacityHeavyUsage", "said", TemporaryError),
        ("OperationPreempted", "said", TemporaryError),
        ("AKSOperationPreemptedByDelete", "said", PermanentError),
        ("OriginalEtagNotExpect", "said", TemporaryError),
        ("InternalServerError", "said", TemporaryError),
        ("CreateVMSSAgentPoolFailed", "RequestDisallowedByPolicy: denied", PermanentError),
        ("OperationNotAllowed", IN_PROGRESS, TemporaryError),
        ("OperationNotAllowed", QUOTA, PermanentError),
    ],
)
def test_a_failed_operation_is_of_its_kind(code: str, message: str, kind: type[OutsideError]) -> None:
    assert type(classify("Azure", None, {"code": code, "message": message})) is kind


def test_both_envelopes_give_code_words_and_the_rest() -> None:
    more = {"target": "N", "details": [{"code": "A", "message": "b"}], "additionalInfo": [{"type": "PolicyViolation"}]}
    for body in (wrapped("X", "words", **more), flat("X", "words", **more)):
        error = classify("Azure", 400, body)
        assert (error.code, error.message) == ("X", "words")
        assert error.details == more


def test_the_wait_of_a_lock_stands_in_its_details() -> None:
    said = [{"code": "RetryableErrorDueToAnotherOperation", "message": "The call can be retried in 12 seconds."}]
    error = classify("Network", 429, wrapped("RetryableError", "A retryable error occurred.", details=said))
    assert isinstance(error, TemporaryError)
    assert error.retry_after == 12.0


def test_a_subcode_is_kept() -> None:
    assert classify("AKS", 400, flat("E", subcode="S")).details == {"subcode": "S"}


def test_the_inner_code_is_the_one_that_tells_and_the_outer_is_kept() -> None:
    error = classify("Key Vault", 403, wrapped("Forbidden", innererror={"code": "ForbiddenByFirewall"}))
    assert error.code == "ForbiddenByFirewall"
    assert error.details == {"code": "Forbidden", "innererror": {"code": "ForbiddenByFirewall"}}


def test_a_refused_sign_in_is_named_by_entras_number() -> None:
    body = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret.\r\nTrace ID: x"}
    error = classify("Entra", 401, body)
    assert (error.code, error.message) == ("AADSTS7000215", "AADSTS7000215: Invalid client secret.")


@pytest.mark.parametrize("body", [None, "", "<html>", [], {"other": 1}, {"error": None}])
def test_a_body_without_a_complaint_is_named_by_its_status(body: Any) -> None:
    error = classify("Azure", 502, body, reason="Bad Gateway")
    assert error.code == "HTTP502"
    assert error.message in ("Bad Gateway", "<html>")


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"Retry-After": "12"}, "", 12.0),
        ({"retry-after": "0"}, "retried in 9 seconds", 0.0),
        ({"retry-after-ms": "1500"}, "", 1.5),
        ({"Retry-After": "Sun, 22 Nov 2026 08:00:30 GMT", "Date": "Sun, 22 Nov 2026 08:00:00 GMT"}, "", 30.0),
        ({"Retry-After": "Sun, 22 Nov 2026 08:00:30 GMT"}, "", None),
        ({"Retry-After": "soon"}, "", None),
        ({}, "Operation X (guid) is updating resource R. The call can be retried in 12 seconds.", 12.0),
        ({}, "Please try again after '6' seconds.", 6.0),
        ({}, "Request is temporarily throttled. Retry after 2 seconds.", 2.0),
        ({}, "limit exceeded for SubID='x', please retry again in 40 seconds", 40.0),
        ({}, "nothing about it", None),
    ],
)
def test_the_wait_that_was_asked_for_is_kept(headers: dict[str, str], message: str, seconds: float | None) -> None:
    assert retry_after(headers, message) == seconds


def test_a_caller_may_declare_a_code_temporary() -> None:
    with pytest.raises(TemporaryError) as caught, also_temporary("AuthorizationFailed"):
        raise classify("Azure", 403, wrapped("AuthorizationFailed", "no"))
    assert (caught.value.code, caught.value.status) == ("AuthorizationFailed", 403)
    with pytest.raises(PermanentError), also_temporary("AuthorizationFailed"):
        raise classify("Azure", 403, wrapped("RequestDisallowedByPolicy"))
