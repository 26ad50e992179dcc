"""The checks of what Azure will allow, before anything is created. The dry run shows it; a create begins with it.

Each check reads and changes nothing. A check that may not read (Hubkeeper's identity lacks the permission) warns; one whose
question cannot be answered for a while is asked again with the step.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from shared import names, references
from shared.azure.aks import API as CLUSTER_API
from shared.azure.network import API as NETWORK_API
from shared.azure.registries import API as REGISTRY_API
from shared.checks import access as preflight_access
from shared.checks import owners
from shared.checks.findings import CLEAR, Check, Found, error, warning
from shared.checks.free_names import dns_label, registry_name
from shared.errors import PermanentError
from shared.hubs import ownership, vault
from shared.hubs.chart import access
from shared.hubs.chart import values as chart_values
from shared.hubs.spec import binder
from shared.hubs.spec.model import Hub
from shared.hubs.spec.registries import AzureRegistry
from shared.problem import Problem, Severity
from shared.references import Reference
from shared.resources import bodies
from shared.services import Services

if TYPE_CHECKING:
    from shared.azure.compute import VmSize
    from shared.kubernetes.manifests import Rendered


UNREGISTERED = "NotRegistered"


def examine(services: Services, hub: Hub) -> Found:
    """All checks, side by side: they are a dozen questions to half a dozen systems."""
    with ThreadPoolExecutor(max_workers=len(CHECKS)) as pool:
        results = list(pool.map(lambda check: _ask(check, services, hub), CHECKS))
    findings = tuple(finding for result in results for finding in result.findings)
    kubernetes, chart = (result.kubernetes for result in results), (result.chart for result in results)
    return Found(findings, next(filter(None, kubernetes), None), next(filter(None, chart), None))


def _ask(check: Check, services: Services, hub: Hub) -> Found:
    try:
        return check(services, hub)
    except PermanentError as refusal:
        if refusal.code == "MissingSubscriptionRegistration":
            return warning(
                UNREGISTERED,
                f"The subscription has not registered a resource provider yet: {refusal.message}",
                "Nothing: the create registers it, which Contributor may do. What it offers cannot be seen until then.",
            )
        if check in NEEDED:
            raise
        what = (check.__doc__ or check.__name__).splitlines()[0].rstrip(".")
        return warning(
            "NotChecked",
            f"This could not be checked: {what} ({refusal.code}).",
            "Give Hubkeeper's identity the role Reader on the subscription, or go on: the create finds out by itself.",
        )


def versions(services: Services, hub: Hub) -> Found:
    """Chooses the versions of Kubernetes and of the chart, and checks that the chart accepts the values."""
    kubernetes = kubernetes_version(services, hub)
    chart = chart_version(services, hub)
    refused = (
        values_refused(services, hub, kubernetes.kubernetes, chart.chart)
        if kubernetes.kubernetes and chart.chart
        else []
    )
    return Found((*kubernetes.findings, *chart.findings, *refused), kubernetes.kubernetes, chart.chart)


def kubernetes_version(services: Services, hub: Hub) -> Found:
    offered = services.clusters.versions(hub.location)
    wanted = hub.cluster.kubernetes_version
    if not offered:
        return error(
            "LocationNotSupported",
            f"AKS is not offered in {hub.location}.",
            "Set location to a region that has AKS, such as westus2.",
            "location",
        )
    if wanted is None:
        stable = [version for version in offered if not version.preview and not version.lts_only] or offered
        chosen = next((version for version in stable if version.default), stable[0])
        return Found(kubernetes=chosen.version)
    fitting = [version for version in offered if wanted in (version.version, version.minor) and not version.lts_only]
    if not fitting:
        listed = ", ".join(sorted({version.minor for version in offered}))
        return error(
            "K8sVersionNotSupported",
            f"AKS does not offer Kubernetes {wanted} in {hub.location}; it offers {listed}.",
            f"Set cluster.kubernetesVersion to one of GET /api/locations/{hub.location}/versions, or leave it out for the default.",
            "cluster.kubernetesVersion",
        )
    return Found(kubernetes=wanted)


def chart_version(services: Services, hub: Hub) -> Found:
    offered = services.helm.chart_versions(services.settings.chart_repository, hub.release.chart)
    choice = release_versions(hub.release.chart, [chart.version for chart in offered])
    wanted = hub.release.version
    if wanted is None and choice:
        version = choice[0]
    elif any(chart.version == wanted for chart in offered):
        version = str(wanted)
    else:
        newest = ", ".join(choice[:5])
        return error(
            "ChartNotFound",
            f"The chart repository has no {hub.release.chart} {wanted}; its newest are {newest}.",
            "Set release.version to one of them, or leave it out for the newest.",
            "release.version",
        )
    return Found(chart=version)


def release_versions(chart: str, offered: list[str]) -> list[str]:
    """Those to choose from when none is named, in the order given: newest first.

    BinderHub's chart is published with each change as a pre-release (1.0.0-0.dev.git.3983.h383374de), and its two stable ones are
    of its first years: the newest of all is what its guide installs.
    """
    return offered if chart == "binderhub" else [version for version in offered if "-" not in version]


def values_refused(services: Services, hub: Hub, kubernetes_version: str, chart_version: str) -> list[Problem]:
    """Helm renders the chart with stand-ins for the secrets: what its schema refuses shows before anything is created."""
    values = chart_values.fill(access.values(hub, services.settings.dns_suffix), _stand_in)
    try:
        rendered = services.helm.render(
            hub.release.chart, services.settings.chart_repository, chart_version, values, kubernetes_version
        )
    except PermanentError as refusal:
        advice = "Correct the named keys of `values`: the chart's reference lists them."
        message = f"{hub.release.chart} {chart_version} refuses the values: {refusal.message}"
        field = "cluster.kubernetesVersion" if refusal.code == "KubernetesVersionRefused" else "values"
        return [Problem(refusal.code, message, advice, field)]
    return open_to_all(hub, rendered)


def _stand_in(reference: Reference) -> str:
    return f"stand-in-for-{reference.name}".ljust(64, "0")


def open_to_all(hub: Hub, rendered: "Rendered") -> list[Problem]:
    """Checks that the installed hub would not let everybody in unless the specification asks for it."""
    if rendered.hub is None:
        return []  # a chart that keeps its configuration elsewhere: the login is tried when it is installed
    if hub.binder:
        binder_config = (rendered.binder or {}).get("config")
        door = access.open_door(hub, {"config": binder_config, binder.INNER: rendered.hub})
    else:
        door = access.open_door(hub, rendered.hub)
    if door is None:
        return []
    field = f"values.{door.key}"
    return [Problem(access.OPEN, f"{field}: {door.why}.", f"{access.ASK_FOR_IT}.", field)]


def quota(services: Services, hub: Hub) -> Found:
    """Checks that the quota of vCPUs is enough for the nodes."""
    size = services.quotas.sku(hub.location, hub.cluster.vm_size)
    if size is None or size.restrictions:
        return error(
            "SkuNotAvailable",
            f"{hub.cluster.vm_size} is not offered to the subscription in {hub.location}.",
            f"Choose another cluster.vmSize (az vm list-skus --location {hub.location}) or location.",
            "cluster.vmSize",
        )
    made = services.clusters.get(hub.resource_group, hub.cluster.name)
    if made and ownership.owned(made.tags, hub.name):
        return CLEAR  # its nodes are in use already, and counted
    return room(services, hub, size, hub.cluster.node_count)


def room(services: Services, hub: Hub, size: "VmSize", nodes: int) -> Found:
    """Checks that the quota of vCPUs is enough for so many nodes in addition to what is there."""
    usages = services.quotas.usages(hub.location)
    needed = size.vcpus * nodes
    for family in (size.family, "cores"):
        used, limit = usages.get(family, (0, needed))
        if used + needed > limit:
            return error(
                "QuotaExceeded",
                f"{nodes} x {hub.cluster.vm_size} need {needed} vCPUs; of {limit} of {family} in {hub.location}, "
                f"{max(limit - used, 0)} are free.",
                "Ask for more (Azure portal, Quotas, Compute), or choose a smaller cluster.vmSize, fewer nodes, another location.",
                "cluster.nodeCount",
            )
    return CLEAR


ACTIONS = (
    "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.Network/virtualNetworks/write",
    "Microsoft.ContainerService/managedClusters/write",
    "Microsoft.Authorization/roleAssignments/write",
)
REGISTRY_ACTIONS = (
    "Microsoft.ContainerRegistry/registries/write",
    "Microsoft.ContainerRegistry/registries/tokens/write",
    "Microsoft.ContainerRegistry/registries/generateCredentials/action",
)
"""For a BinderHub with a registry of its own; Contributor has them."""


def permissions(services: Services, hub: Hub) -> Found:
    """Checks that Hubkeeper's identity may do in the subscription what a create does."""
    from shared.azure.authorization import allows

    scope = f"/subscriptions/{services.settings.subscription_id}"
    if services.arm.group(hub.resource_group):
        scope = names.group_id(services.settings.subscription_id, hub.resource_group)
    granted = services.roles.permissions(scope)
    rules = ("Microsoft.Insights/autoscaleSettings/write",) if hub.cluster.rules else ()
    wanted = (*ACTIONS, *rules, *(REGISTRY_ACTIONS if isinstance(hub.registry, AzureRegistry) else ()))
    lacking = [action for action in wanted if not allows(granted, action)]
    if not lacking:
        return CLEAR
    return error(
        "AuthorizationFailed",
        f"Hubkeeper's identity may not {', '.join(lacking)} on {scope}.",
        "Give it the roles Contributor and User Access Administrator there; a new role takes some minutes to reach everywhere.",
    )


def directory(services: Services, hub: Hub) -> Found:
    """Checks that Hubkeeper's identity may create applications in the directory."""
    if (
        hub.identity.type == "managed"
        or hub.identity.existing
        or services.directory.can_manage_applications() is not False
    ):
        return CLEAR
    return error(
        "Authorization_RequestDenied",
        "Hubkeeper's identity may not create applications in the directory.",
        "Ask a directory administrator for the Microsoft Graph application permission Application.ReadWrite.OwnedBy; or name an "
        "existing service principal (identity.clientId, identity.secret); or set identity to managed.",
        "identity",
    )


def policies(services: Services, hub: Hub) -> Found:
    """Checks that no policy of the subscription would refuse the group, the network, the cluster or the registry."""
    findings = []
    wanted = [
        ("Microsoft.Resources/subscriptions/resourceGroups", hub.resource_group),
        ("Microsoft.Network/virtualNetworks", hub.network.name),
        ("Microsoft.ContainerService/managedClusters", hub.cluster.name),
    ]
    if isinstance(hub.registry, AzureRegistry):
        wanted.append(("Microsoft.ContainerRegistry/registries", hub.registry.name))
    for kind, name in wanted:
        content = {"type": kind, "name": name, "location": hub.location, "tags": bodies.tags(hub)}
        for denial in services.policies.check_restrictions(content, _POLICY_VERSIONS[kind]):
            allowed = f" It allows {', '.join(denial.allowed)}." if denial.allowed else ""
            findings.append(
                Problem(
                    "RequestDisallowedByPolicy",
                    f"The Azure Policy {denial.policy!r} would refuse {name}: {denial.reason}.{allowed}",
                    _policy_advice(denial.field),
                    _policy_field(denial.field),
                    Severity.ERROR if _policy_field(denial.field) else Severity.WARNING,
                )
            )
    return Found(tuple(findings))


_POLICY_VERSIONS = {
    "Microsoft.Resources/subscriptions/resourceGroups": "2021-04-01",
    "Microsoft.Network/virtualNetworks": NETWORK_API,
    "Microsoft.ContainerService/managedClusters": CLUSTER_API,
    "Microsoft.ContainerRegistry/registries": REGISTRY_API,
}


def _policy_field(about: str | None) -> str:
    """The field of the hub, of those that were asked about: tags and region; empty for others.

    A policy on anything else judges the real request, which has more in it.
    """
    if about is not None and about.lower().startswith("tags"):
        return "tags"
    return "location" if about is not None and about.lower() == "location" else ""


def _policy_advice(about: str | None) -> str:
    if about and about.lower().startswith("tags"):
        return f"Set the tag under `tags` of the hub ({about}), or ask the policy's owner for an exemption."
    if about == "location":
        return "Set location to a region that the policy allows."
    return "Ask the policy's owner what would pass, or for an exemption."


def secrets(services: Services, hub: Hub) -> Found:
    """Checks that Key Vault has the secrets that the hub refers to."""
    wanted = [each.name for each in chart_values.secret_references(access.values(hub)) if not each.own]
    if hub.identity.secret:
        wanted.append(hub.identity.secret.name)
    if certificate := access.certificate(hub):
        wanted.append(certificate)
    missing = [name for name in wanted if vault.theirs(services, hub.name, name) is None]
    if not missing:
        return CLEAR
    in_values = {reference.name for _, reference in references.found(references.in_values(hub.values))}
    return error(
        "SecretNotFound",
        f"Key Vault has no secret {', '.join(missing)} of hub {hub.name}.",
        f"Store it with PUT /api/hubs/{hub.name}/secrets/NAME.",
        "values" if in_values.issuperset(missing) else "",
    )


CHECKS: tuple[Check, ...] = (
    versions,
    quota,
    owners.group_owner,
    owners.cluster_name,
    owners.node_group,
    owners.network_owner,
    owners.identity_name,
    dns_label,
    registry_name,
    preflight_access.dns_zone,
    preflight_access.host_name,
    preflight_access.certificate,
    permissions,
    directory,
    owners.application_name,
    policies,
    secrets,
)
NEEDED: tuple[Check, ...] = (versions, owners.group_owner, owners.cluster_name, secrets)
"""Checks whose answer the create cannot do without."""
