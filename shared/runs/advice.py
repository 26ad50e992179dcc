"""Advice on an outside system's refusal, by the kind of run. Pure.

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
from shared.runs import recovery
from shared.runs.model import Kind
from shared.runs.recovery import Advice

type Advisor = Callable[[OutsideError, Hub, Kind], Advice]


def explain(error: OutsideError, hub: Hub, kind: Kind, *, unused: bool = False) -> Problem:
    """The problem to record for a permanent refusal: Azure's code and words, and our advice after a run of this kind.

    unused: nobody can have worked in the hub, see `recovery.unused`.
    """
    advise = _ADVICE.get(error.code) or _by_message(error) or _unknown
    advice = recovery.worded(advise(error, hub, kind), hub.name, kind, unused=unused)
    return Problem(error.code, f"{error.system}: {error.message}", advice)


def _by_message(error: OutsideError) -> Advisor | None:
    """Some codes mean several things, and some refusals come wrapped in another code: then the words decide."""
    text = error.message.lower()
    for words, advise in _MESSAGES:
        if all(word in text for word in words):
            return advise
    return None


def _policy(error: OutsideError, _: Hub, __: Kind) -> Advice:
    violations = list(_violations(error.details)) or _named_policies(error.message)
    changed = "the `tags` or `location` that it wants"
    patched = "the `tags` that it wants"
    if not violations:
        text = "An Azure Policy of your subscription refuses this. Ask its owner which tag or region would pass."
        return Advice(text, " when the policy has changed", create=changed, patch=patched)
    name, field, wanted = violations[0]
    text = f"The Azure Policy {name!r} refuses this. {wanted} The policy's owner can grant an exemption."
    if field == "location":
        return Advice(text, " when you have one", create="a `location` that it allows")
    if field:
        changed = patched = f'{{"tags": {{"{field}": "..."}}}}'
    return Advice(text, " when you have one", create=changed, patch=patched)


def _violations(details: Any) -> list[tuple[str, str, str]]:
    """From ARM's additionalInfo: a policy's name, the tag that it wants (or "location", or nothing), and that in a sentence."""
    found = []
    for item in _walk(details):
        if item.get("type") != "PolicyViolation" or not isinstance(item.get("info"), dict):
            continue
        info = item["info"]
        name = info.get("policyAssignmentDisplayName") or info.get("policyDefinitionDisplayName") or "unnamed"
        expressions = (info.get("evaluationDetails") or {}).get("evaluatedExpressions") or []
        found.append((str(name), *_what_passes(expressions)))
    return found


def _named_policies(message: str) -> list[tuple[str, str, str]]:
    """The same from words alone: of a denial inside AKS' own operation no more than that is passed on."""
    return [(name, "", _LOOK_UP) for name in re.findall(r'"policyAssignment":\{"name":"([^"]+)"', message)]


def _what_passes(expressions: list[dict[str, Any]]) -> tuple[str, str]:
    for expression in expressions:
        field = str(expression.get("path") or expression.get("expression") or "")
        target = expression.get("targetValue")
        if tag := re.match(r"tags(?:\[['\"]?|\.)([^'\"\]]+)", field):
            return tag[1], f"It wants the tag {tag[1]!r}: set tags.{tag[1]} on the hub."
        if field == "location":
            allowed = ", ".join(target) if isinstance(target, list) else json.dumps(target)
            return field, f"It allows only these regions: {allowed}."
    return "", _LOOK_UP


_LOOK_UP = "The Azure portal shows under Policy, Assignments, which tags or regions it wants."


def _walk(value: Any) -> list[dict[str, Any]]:
    """Every object in nested JSON."""
    if isinstance(value, dict):
        return [value, *(inner for part in value.values() for inner in _walk(part))]
    if isinstance(value, list):
        return [inner for part in value for inner in _walk(part)]
    return []


def _quota(error: OutsideError, hub: Hub, kind: Kind) -> Advice:
    family = re.search(r"(standard\w+?)(?:family| cores)", error.message, re.IGNORECASE)
    which = f"the {family[1]} family" if family else f"{hub.cluster.vm_size}'s family"
    if not family and "regional" in error.message.lower():
        which = "all families together"
    text = f"Your quota of vCPUs for {which} in {hub.location} is used up. Ask for more (Azure portal, Quotas, Compute)"
    if kind is Kind.START:
        return Advice(f"{text}, or stop other machines there.")
    smaller = "a smaller cluster.vmSize or fewer nodes"
    return Advice(f"{text}.", create="a smaller cluster.vmSize, fewer nodes or another location", patch=smaller)


def _clusters(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    text = f"The subscription has as many AKS clusters in {hub.location} as it may have: remove one that is not needed."
    return Advice(text, create="another location")


def _capacity(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    text = f"Azure has no room for {hub.cluster.vm_size} in {hub.location} right now."
    return Advice(text, " in an hour", "another cluster.vmSize or location", "another cluster.vmSize")


def _size(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    text = (
        f"Azure does not offer {hub.cluster.vm_size} to your subscription in {hub.location}; "
        f"az vm list-skus --location {hub.location} lists what it offers."
    )
    return Advice(text, " when it does", "another cluster.vmSize or location", "another cluster.vmSize", once=True)


def _provider(error: OutsideError, _: Hub, __: Kind) -> Advice:
    namespace = re.search(r"Microsoft\.\w+", error.message)
    which = namespace[0] if namespace else "NAMESPACE"
    return Advice(
        f"The subscription has not registered the resource provider. Hubkeeper registers it when it may: give its identity the "
        f"action {which}/register/action (Contributor has it), or run az provider register --namespace {which}."
    )


def _permission(error: OutsideError, _: Hub, __: Kind) -> Advice:
    action = re.search(r"action '([^']+)'", error.message)
    what = f" the action {action[1]}" if action else " what it needs"
    if action and "/dnszones/" in action[1].lower():
        return Advice(
            f"Hubkeeper's own identity lacks{what}: give it the role DNS Zone Contributor on the zone of access.dnsZone. A "
            "new role takes minutes to reach everywhere."
        )
    return Advice(
        f"Hubkeeper's own identity lacks{what}. It needs the role Contributor, and User Access Administrator (or Role Based Access "
        "Control Administrator) for the network's role assignment, on the subscription or the hub's resource group. A new role "
        "takes minutes to reach everywhere."
    )


def _graph(_: OutsideError, __: Hub, ___: Kind) -> Advice:
    text = (
        "Hubkeeper's own identity may not manage applications in your directory. Ask a directory administrator to grant it the "
        "Microsoft Graph application permission Application.ReadWrite.OwnedBy."
    )
    own = "a service principal of your own (identity.clientId and identity.secret) or with identity managed"
    return Advice(text, create=own)


def _principal(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    if not hub.identity.existing:
        return Advice("The directory has not told Azure about the new principal yet.", " in a few minutes")
    text = "Check identity.clientId: it is the application's (client) id, of the same directory as the subscription."
    return Advice(text, create="the right identity.clientId")


def _secret_refused(_: OutsideError, hub: Hub, kind: Kind) -> Advice:
    if hub.identity.secret:
        return Advice(
            "The service principal's password is wrong or has expired. Store a new one with "
            f"PUT /api/hubs/{hub.name}/secrets/{hub.identity.secret.name}."
        )
    text = (
        "Azure refuses the service principal's password; one that was made just now takes a while to reach everywhere."
    )
    if kind is Kind.CREATE:
        return Advice(text, ": Hubkeeper makes a new password when the old one is not in Key Vault")
    return Advice(text, " in a few minutes")


def _version(_: OutsideError, hub: Hub, kind: Kind) -> Advice:
    text = (
        f"AKS does not offer this Kubernetes version in {hub.location}. "
        f"GET /api/locations/{hub.location}/versions lists those that it offers."
    )
    if kind is Kind.START:
        return Advice(f"{text} Only Azure's support can start a cluster whose version AKS refuses: ask it.")
    offered = "one of them as cluster.kubernetesVersion"
    return Advice(text, create=f"{offered}, or without it for the default", patch=offered, once=True)


def _busy(_: OutsideError, __: Hub, ___: Kind) -> Advice:
    return Advice("Another operation on the cluster is under way. Wait until it has ended (the Azure portal shows it).")


def _no_stop(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    where = f"--resource-group {hub.resource_group} --name {hub.cluster.name}"
    return Advice(
        "AKS stops no cluster that has node auto-provisioning. Switch that off: "
        f"az aks update {where} --node-provisioning-mode Manual."
    )


def _webhooks(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    return Advice(
        "Admission webhooks that apply to everything keep AKS from stopping or starting the cluster. Narrow the rules of "
        f"those that the message names (kubectl, with GET /api/hubs/{hub.name}/kubeconfig and the admin key)."
    )


def _nodes_unprepared(_: OutsideError, __: Hub, ___: Kind) -> Advice:
    return Advice(
        "A node could not set itself up. Exit code 52 means that it did not find the API server's name in the DNS, which comes "
        "back late after a stop; where the network has a DNS server of its own, check that one.",
        " in 15 minutes",
    )


def _api_failed(_: OutsideError, __: Hub, ___: Kind) -> Advice:
    return Advice("The cluster's control plane did not answer AKS, often because the region is full.", " in an hour")


def _group_elsewhere(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    text = f"The resource group {hub.resource_group} is in another region."
    return Advice(text, create="`location` set to that region, or with another resourceGroup", once=True)


def _group_going(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    return Advice(f"Azure is deleting the resource group {hub.resource_group}. Wait until it is gone.")


def _in_use(_: OutsideError, __: Hub, ___: Kind) -> Advice:
    return Advice("Something else still uses the subnet: the message names it. Remove it.")


def _immutable(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    text = f"Azure cannot change this on an existing cluster. GET /api/hubs/{hub.name} shows the value that it has."
    return Advice(text, create="that value", patch="that value, and the other changes", once=True)


def _values(_: OutsideError, __: Hub, ___: Kind) -> Advice:
    text = (
        "The chart refuses `values`. Correct the keys that the message names (the chart's values reference lists them)."
    )
    return Advice(text, create="the corrected `values`", patch="the corrected `values`", once=True)


def _chart(_: OutsideError, __: Hub, ___: Kind) -> Advice:
    text = "The chart repository does not have this chart version."
    other = "another release.version, or without it for the newest stable one"
    return Advice(text, " when it has", create=other, patch="another release.version", once=True)


def _repository(_: OutsideError, __: Hub, ___: Kind) -> Advice:
    return Advice(
        "Check that the address in HUBKEEPER_CHART_REPOSITORY is right and that the function app may reach it "
        "(a firewall, a private network)."
    )


def _release(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    text = (
        "Remove the cause that the message names. It lies in `values`, in release.version, or in the cluster, which "
        f"GET /api/hubs/{hub.name}/kubeconfig with the admin key lets you look at."
    )
    corrected = "corrected `values` or another release.version"
    return Advice(text, create=corrected, patch=corrected)


def _no_secret(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    return Advice(f"Store the secret with PUT /api/hubs/{hub.name}/secrets/NAME.")


def _deleted_secret(_: OutsideError, __: Hub, ___: Kind) -> Advice:
    return Advice("A secret of this name is soft-deleted, and Hubkeeper may not purge it. Purge it yourself.")


def _vault(_: OutsideError, __: Hub, ___: Kind) -> Advice:
    return Advice(
        "Hubkeeper's own identity needs the role Key Vault Secrets Officer on the vault of KEY_VAULT_URL. Grant it."
    )


def _registry_name(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    text = "A registry's name must be unique in all of Azure, and somebody else has this one."
    other = f"another registry.name, such as {hub.name.replace('-', '')}images and some digits"
    return Advice(text, " when it is free", create=other, once=True)


def _unknown(error: OutsideError, _: Hub, __: Kind) -> Advice:
    return Advice(f"Remove the cause that {error.system} names.")


def _record(_: OutsideError, __: Hub, ___: Kind) -> Advice:
    text = "Hubkeeper overwrites no DNS record that it did not make: remove that one."
    return Advice(text, create="another access.host", patch="another access.host")


def _rules(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    where = f"--resource-group {hub.cluster.node_resource_group}"
    return Advice(f"az monitor autoscale list {where} shows whose rules they are. Remove them, or rename them.")


def no_cluster(hub: Hub) -> str:
    """A cluster that is deleted does not come back; one that has lost its tag, as `az aks update --tags` makes it, does."""
    where = f"--resource-group {hub.resource_group} --name {hub.cluster.name}"
    return (
        f"If the hub's own cluster still exists, it has lost its tag. Give it back: az resource tag --is-incremental --tags "
        f"{OWNER_TAG}={hub.name} --resource-type Microsoft.ContainerService/managedClusters {where}. If somebody deleted the "
        f"cluster, Azure cannot restore it; az monitor activity-log list --resource-group {hub.resource_group} shows who did."
    )


def _no_cluster(_: OutsideError, hub: Hub, __: Kind) -> Advice:
    return Advice(no_cluster(hub), " when the tag is back", create="the same specification")


_ADVICE: dict[str, Advisor] = {
    "ClusterNotFound": _no_cluster,
    "DnsRecordTaken": _record,
    "ScaleSetRules": _rules,
    "RequestDisallowedByPolicy": _policy,
    "ErrCode_InsufficientVCPUQuota": _quota,
    "QuotaExceeded": _quota,
    "ManagedClusterCountExceedsQuotaLimit": _clusters,
    "AksCapacityHeavyUsage": _capacity,
    "AllocationFailed": _capacity,
    "ZonalAllocationFailed": _capacity,
    "SkuNotAvailable": _size,
    "VMSizeNotSupported": _size,
    "VMExtensionProvisioningError": _nodes_unprepared,
    "KubernetesAPICallFailed": _api_failed,
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
    "OriginalEtagNotExpect": _busy,
    "OperationPreempted": _busy,
    "AKSOperationPreempted": _busy,
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
    (("nodeprovisioningprofile",), _no_stop),
    (("webhooks", "prevent"), _webhooks),
    (("upgrading kubernetes version", "not allowed"), _version),
    (("aadsts7000215",), _secret_refused),
    (("aadsts7000222",), _secret_refused),
    (("does not have authorization",), _permission),
    (("insufficient privileges",), _graph),
)
