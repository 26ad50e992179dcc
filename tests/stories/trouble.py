"""How Azure refuses and fails: its answers, as calls of the local cloud can be made to get them."""

import re
from dataclasses import dataclass
from typing import Any

from tests.cloud import Cloud

type Json = dict[str, Any]


@dataclass(frozen=True)
class Where:
    """A call: service, method, and a regular expression for its path and query."""

    service: str
    method: str
    path: str

    def made(self, requests: list[Json]) -> list[Json]:
        """Those of the logged requests that are this call."""
        return [
            request
            for request in requests
            if (request["service"], request["method"]) == (self.service, self.method)
            and re.search(self.path, request["path"], re.IGNORECASE)
        ]


GROUP = Where("arm", "PUT", r"/resourcegroups/[^/]+\?")
NETWORK = Where("arm", "PUT", r"/virtualNetworks/[^/]+\?")
ROLE = Where("arm", "PUT", r"/roleAssignments/")
CLUSTER = Where("arm", "PUT", r"/managedClusters/[^/]+\?")
CLUSTER_POLL = Where("arm", "GET", r"Microsoft\.ContainerService/locations/.*/operations/")
CREDENTIALS = Where("arm", "POST", r"/listClusterAdminCredential")
POLICY_CHECK = Where("arm", "POST", r"/checkPolicyRestrictions")
REGISTRATION = Where("arm", "GET", r"/providers/Microsoft\.Storage\?")
APPLICATION = Where("graph", "PATCH", r"/applications\(")
PASSWORD = Where("graph", "POST", r"/addPassword$")
PRINCIPAL = Where("graph", "POST", r"/servicePrincipals$")
KEEP_PASSWORD = Where("keyvault", "PUT", r"service-principal-password")
READ_PASSWORD = Where("keyvault", "GET", r"service-principal-password")
TOKEN = Where("identity", "GET", r"/msi/token")
INDEX = Where("charts", "GET", r"/index\.yaml")
CHART = Where("charts", "GET", r"\.tgz")
NODES = Where("kubernetes", "GET", r"/api/v1/nodes")
DEPLOYMENTS = Where("kubernetes", "POST", r"/deployments")
READINESS = Where("kubernetes", "GET", r"/deployments\?limit=")
DELETE_CLUSTER = Where("arm", "DELETE", r"/managedClusters/[^/]+\?")
DELETE_NETWORK = Where("arm", "DELETE", r"/virtualNetworks/[^/]+\?")
DELETE_GROUP = Where("arm", "DELETE", r"/resourcegroups/[^/]+\?")


@dataclass(frozen=True)
class Trouble:
    """What becomes of a call, so many times (None: always). wait: virtual seconds that must pass before the next."""

    where: Where
    says: Json
    times: int | None = 1
    wait: float = 0.0

    def cause(self, cloud: Cloud) -> int:
        """Sets the fault; its id."""
        where = {"service": self.where.service, "method": self.where.method, "path": self.where.path}
        return int(cloud.control.fault(**where, times=self.times, **self.says)["id"])


def wrapped(status: int, code: str, message: str, retry_after: int | None = None, **more: Any) -> Json:
    """The envelope of Resource Manager's gateway, of most providers, of Graph and of Key Vault."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    body = {"error": {"code": code, "message": message, **more}}
    return {"happens": "answer", "status": status, "headers": headers, "body": body}


def flat(status: int, code: str, message: str, retry_after: int | None = None, **more: Any) -> Json:
    """The envelope of AKS."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    body = {"code": code, "details": None, "message": message, "subcode": "", **more}
    return {"happens": "answer", "status": status, "headers": headers, "body": body}


def kubernetes(status: int, reason: str, message: str, retry_after: int | None = None) -> Json:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": status,
    }
    return {"happens": "answer", "status": status, "headers": headers, "body": body}


RESET: Json = {"happens": "reset"}
LOST: Json = {"happens": "lost"}


def hang(seconds: float) -> Json:
    """No answer for so many real seconds."""
    return {"happens": "hang", "seconds": seconds}


def throttled(seconds: int) -> Json:
    message = (
        f"The PutManagedClusterHandler.PUT request limit has been exceeded, please retry again in {seconds} seconds."
    )
    return flat(429, "Throttled", message, seconds)


def too_many(seconds: int) -> Json:
    message = f"Number of requests exceeded the backend storage limit. Please try again after '{seconds}' seconds."
    return wrapped(429, "TooManyRequests", message, seconds)


def no_principal() -> Json:
    return flat(
        400,
        "ServicePrincipalNotFound",
        "Service principal clientID: x not found in Active Directory tenant y, Please see https://aka.ms/aks-sp-help.",
    )


def disallowed(policy: str, field_path: str, target: object) -> Json:
    """As a policy of type deny answers a request."""
    identifiers = f'[{{"policyAssignment":{{"name":"{policy}","id":"/x"}},"policyDefinition":{{"name":"{policy}"}}}}]'
    info = {
        "policyDefinitionDisplayName": policy,
        "policyAssignmentDisplayName": policy,
        "policyDefinitionEffect": "Deny",
        "evaluationDetails": {
            "evaluatedExpressions": [
                {
                    "result": "True",
                    "expressionKind": "Field",
                    "path": field_path,
                    "targetValue": target,
                    "operator": "x",
                }
            ]
        },
    }
    return wrapped(
        403,
        "RequestDisallowedByPolicy",
        f"Resource 'x' was disallowed by policy. Policy identifiers: '{identifiers}'.",
        target="x",
        additionalInfo=[{"type": "PolicyViolation", "info": info}],
    )


def unauthorized(action: str) -> Json:
    return wrapped(
        403,
        "AuthorizationFailed",
        f"The client 'c' with object id 'o' does not have authorization to perform action '{action}' over scope '/s' "
        "or the scope is invalid. If access was recently granted, please refresh your credentials.",
    )
