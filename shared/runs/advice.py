"""What to do about an outside system's refusal, in plain words. Pure.

The codes and their meaning: recorded answers of ARM and AKS, "Troubleshoot AKS errors" and "Resource
provider errors" on learn.microsoft.com.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from shared.errors import OutsideError
from shared.hubs.spec.defaults import OWNER_TAG
from shared.hubs.spec.model import Hub
from shared.problem import Problem

type Advisor = Callable[[OutsideError, Hub], str]


def explain(error: OutsideError, hub: Hub) -> Problem:
    """The fault to record for a permanent refusal: Azure's code and words, and our advice."""
    advise = _ADVICE.get(error.code) or _by_message(error) or _unknown
    return Problem(error.code, f"{error.system}: {error.message}", advise(error, hub))


def _by_message(error: OutsideError) -> Advisor | None:
    """Some codes mean several things, and some refusals come wrapped in another code: then the words decide."""
    text = error.message.lower()
    for words, advise in _MESSAGES:
        if all(word in text for word in words):
            return advise
    return None


def _policy(error: OutsideError, _: Hub) -> str:
    violations = list(_violations(error.details)) or _named_policies(error.message)
    if not violations:
        return (
            "An Azure Policy of your subscription refuses this. Ask its owner which tag or region would pass; DELETE the hub and "
            "create it anew with that in `tags` or `location`, or retry the run when the policy has changed."
        )
    name, wanted = violations[0]
    return (
        f"The Azure Policy {name!r} refuses this. {wanted} DELETE the hub and create it anew so, or ask the policy's owner for an "
        "exemption and retry the run."
    )


def _violations(details: Any) -> list[tuple[str, str]]:
    """Policy names, each with what would pass, from ARM's additionalInfo."""
    found = []
    for item in _walk(details):
        if item.get("type") != "PolicyViolation" or not isinstance(item.get("info"), dict):
            continue
        info = item["info"]
        name = info.get("policyAssignmentDisplayName") or info.get("policyDefinitionDisplayName") or "unnamed"
        expressions = (info.get("evaluationDetails") or {}).get("evaluatedExpressions") or []
        found.append((str(name), _what_passes(expressions)))
    return found


def _named_policies(message: str) -> list[tuple[str, str]]:
    """The same from words alone: of a denial inside AKS' own operation no more than that is passed on."""
    return [(name, _LOOK_UP) for name in re.findall(r'"policyAssignment":\{"name":"([^"]+)"', message)]


def _what_passes(expressions: list[dict[str, Any]]) -> str:
    for expression in expressions:
        field = str(expression.get("path") or expression.get("expression") or "")
        target = expression.get("targetValue")
        if tag := re.match(r"tags(?:\[['\"]?|\.)([^'\"\]]+)", field):
            return f"It wants the tag {tag[1]!r}: set tags.{tag[1]} on the hub."
        if field == "location":
            allowed = ", ".join(target) if isinstance(target, list) else json.dumps(target)
            return f"It allows only these regions: {allowed}: set location to one of them."
    return _LOOK_UP


_LOOK_UP = "See its definition in the Azure portal under Policy, Assignments, for the tags or region that it wants."


def _walk(value: Any) -> list[dict[str, Any]]:
    """Every object in nested JSON."""
    if isinstance(value, dict):
        return [value, *(inner for part in value.values() for inner in _walk(part))]
    if isinstance(value, list):
        return [inner for part in value for inner in _walk(part)]
    return []


def _quota(error: OutsideError, hub: Hub) -> str:
    family = re.search(r"(standard\w+?)(?:family| cores)", error.message, re.IGNORECASE)
    which = f"the {family[1]} family" if family else f"{hub.cluster.vm_size}'s family"
    return (
        f"Your quota of vCPUs for {which} in {hub.location} is used up. Ask for more (Azure portal, Quotas, Compute) and "
        "retry the run; or DELETE the hub and create it anew with a smaller cluster.vmSize, fewer nodes or another location."
    )


def _capacity(_: OutsideError, hub: Hub) -> str:
    return (
        f"Azure has no room for {hub.cluster.vm_size} in {hub.location} right now. Retry the run in an hour, or choose another "
        "cluster.vmSize or location."
    )


def _size(_: OutsideError, hub: Hub) -> str:
    return (
        f"{hub.cluster.vm_size} is not offered to your subscription in {hub.location}. Choose another cluster.vmSize "
        f"(az vm list-skus --location {hub.location}) or location."
    )


def _provider(error: OutsideError, _: Hub) -> str:
    namespace = re.search(r"Microsoft\.\w+", error.message)
    which = namespace[0] if namespace else "it"
    return (
        f"The resource provider is not registered in the subscription. Hubkeeper registers it when it may: give its identity the "
        f"action {which}/register/action (Contributor has it), or run az provider register --namespace {which}; then retry the run."
    )


def _permission(error: OutsideError, _: Hub) -> str:
    action = re.search(r"action '([^']+)'", error.message)
    what = f" the action {action[1]}" if action else " what it needs"
    if action and "/dnszones/" in action[1].lower():
        return (
            f"Hubkeeper's own identity lacks{what}: give it the role DNS Zone Contributor on the zone of access.dnsZone. A role "
            "given just now takes minutes to reach everywhere. Then retry the run."
        )
    return (
        f"Hubkeeper's own identity lacks{what}. Its roles must be Contributor, and User Access Administrator (or Role Based Access "
        "Control Administrator) for the network's role assignment, on the subscription or the hub's resource group. A role given "
        "just now takes minutes to reach everywhere. Then retry the run."
    )


def _graph(_: OutsideError, __: Hub) -> str:
    return (
        "Hubkeeper's own identity may not make applications in your directory. Ask a directory administrator to grant it the "
        "Microsoft Graph application permission Application.ReadWrite.OwnedBy, and retry the run; or DELETE the hub and create it "
        "anew with a service principal of your own (identity.clientId and identity.secret) or with identity managed."
    )


def _principal(_: OutsideError, hub: Hub) -> str:
    if hub.identity.brought:
        return (
            "Check identity.clientId: it is the application's (client) id, of the same directory as the subscription."
        )
    return "The directory has not told Azure about the new principal yet. Retry the run in a few minutes."


def _secret_refused(_: OutsideError, hub: Hub) -> str:
    if hub.identity.brought:
        return f"The principal's password is wrong or has expired: store a new one with PUT /api/hubs/{hub.name}/secrets/NAME."
    return "The service principal's password is refused. Retry the run: a new one is made when the old one is not in Key Vault."


def _version(_: OutsideError, hub: Hub) -> str:
    return (
        f"AKS does not offer this Kubernetes version in {hub.location}. GET /api/locations/{hub.location}/versions lists those it "
        "does; leave cluster.kubernetesVersion out for the default."
    )


def _busy(_: OutsideError, __: Hub) -> str:
    return "Another operation on the cluster is under way. Wait until it has ended (the portal shows it), then retry the run."


def _group_elsewhere(_: OutsideError, hub: Hub) -> str:
    return f"The resource group {hub.resource_group} is in another region. Set location to that, or name another resourceGroup."


def _group_going(_: OutsideError, hub: Hub) -> str:
    return f"The resource group {hub.resource_group} is being deleted. Wait until it is gone, then retry the run."


def _in_use(_: OutsideError, __: Hub) -> str:
    return "Something else still uses the subnet: the message names it. Remove it, then retry the run."


def _immutable(_: OutsideError, __: Hub) -> str:
    return "Azure cannot change this on an existing cluster. Tear the hub down (keepHomes keeps the users' files) and make it anew."


def _values(_: OutsideError, __: Hub) -> str:
    return (
        "The chart refuses `values`: correct the named keys (the chart's values reference lists them), and try again."
    )


def _chart(_: OutsideError, __: Hub) -> str:
    return "The chart repository has no such chart version. Leave release.version out for the newest stable one."


def _repository(_: OutsideError, __: Hub) -> str:
    return (
        "Check that the address in HUBKEEPER_CHART_REPOSITORY is right and that the function app may reach it "
        "(a firewall, a private network); then retry the run."
    )


def _release(_: OutsideError, hub: Hub) -> str:
    return (
        "Mend what the message names: `values`, release.version, or something in the cluster, which "
        f"GET /api/hubs/{hub.name}/kubeconfig with the admin key lets you look at. Then retry the run."
    )


def _no_secret(_: OutsideError, hub: Hub) -> str:
    return f"Store it with PUT /api/hubs/{hub.name}/secrets/NAME; then retry the run."


def _deleted_secret(_: OutsideError, __: Hub) -> str:
    return (
        "A secret of this name is soft-deleted and Hubkeeper may not purge it: purge it yourself, then retry the run."
    )


def _vault(_: OutsideError, __: Hub) -> str:
    return "Hubkeeper's own identity needs the role Key Vault Secrets Officer on the vault of KEY_VAULT_URL. Then retry the run."


def _registry_name(_: OutsideError, hub: Hub) -> str:
    return (
        "A registry's name must be unique in all of Azure, and somebody has this one: DELETE the hub and create it anew with "
        f"another registry.name, such as {hub.name.replace('-', '')}images and some digits."
    )


def _unknown(error: OutsideError, _: Hub) -> str:
    return f"See what {error.system} says; when its cause is gone, retry the run. DELETE the hub to give up: nothing is left."


def _record(_: OutsideError, __: Hub) -> str:
    return "Hubkeeper overwrites no record that it did not make: remove that one, and retry the run; or choose another access.host."


def _rules(_: OutsideError, hub: Hub) -> str:
    return (
        f"az monitor autoscale list --resource-group {hub.cluster.node_resource_group} shows whose they are. When the name is "
        "free, retry the run."
    )


def no_cluster(hub: Hub) -> str:
    """A cluster that is deleted does not come back; one that has lost its tag, as `az aks update --tags` makes it, does."""
    where = f"--resource-group {hub.resource_group} --name {hub.cluster.name}"
    return (
        f"If the hub's own cluster is still there, it has lost its tag. Give it back: az resource tag --is-incremental --tags "
        f"{OWNER_TAG}={hub.name} --resource-type Microsoft.ContainerService/managedClusters {where}. If it was deleted, DELETE the "
        "hub, which leaves alone what is not the hub's, and create it anew."
    )


def _no_cluster(_: OutsideError, hub: Hub) -> str:
    return f"{no_cluster(hub)} With the tag back, retry the run."


_ADVICE: dict[str, Advisor] = {
    "ClusterNotFound": _no_cluster,
    "DnsRecordTaken": _record,
    "ScaleSetRules": _rules,
    "RequestDisallowedByPolicy": _policy,
    "ErrCode_InsufficientVCPUQuota": _quota,
    "QuotaExceeded": _quota,
    "ManagedClusterCountExceedsQuotaLimit": lambda _, hub: (
        f"The subscription has as many AKS clusters in {hub.location} as it may: remove one, or choose another location."
    ),
    "AksCapacityHeavyUsage": _capacity,
    "AllocationFailed": _capacity,
    "ZonalAllocationFailed": _capacity,
    "SkuNotAvailable": _size,
    "VMSizeNotSupported": _size,
    "MissingSubscriptionRegistration": _provider,
    "AuthorizationFailed": _permission,
    "LinkedAuthorizationFailed": _permission,
    "Authorization_RequestDenied": _graph,
    "ServicePrincipalNotFound": _principal,
    "PrincipalNotFound": _principal,
    "ServicePrincipalValidationClientError": _secret_refused,
    "K8sVersionNotSupported": _version,
    "AgentPoolK8sVersionNotSupported": _version,
    "EtagMismatch": _busy,
    "InvalidResourceGroupLocation": _group_elsewhere,
    "ResourceGroupBeingDeleted": _group_going,
    "InUseSubnetCannotBeDeleted": _in_use,
    "PropertyChangeNotAllowed": _immutable,
    "ValuesRefused": _values,
    "ChartNotFound": _chart,
    "RepositoryUnreachable": _repository,
    "RepositoryNotFound": _repository,
    "KubernetesVersionRefused": _release,
    "ResourceExists": _release,
    "HelmFailed": _release,
    "HelmTimeout": _release,
    "Forbidden": _release,
    "SecretNotFound": _no_secret,
    "ObjectIsDeletedButRecoverable": _deleted_secret,
    "AlreadyInUse": _registry_name,
    "ForbiddenByRbac": _vault,
    "ForbiddenByPolicy": _vault,
}

_MESSAGES: tuple[tuple[tuple[str, ...], Advisor], ...] = (
    (("requestdisallowedbypolicy",), _policy),
    (("disallowed by policy",), _policy),
    (("quota",), _quota),
    (("not registered to use namespace",), _provider),
    (("in progress",), _busy),
    (("upgrading kubernetes version", "not allowed"), _version),
    (("aadsts7000215",), _secret_refused),
    (("aadsts7000222",), _secret_refused),
    (("does not have authorization",), _permission),
    (("insufficient privileges",), _graph),
)
