"""What AKS refuses before it begins anything. Every function raises Refusal, in AKS's flat envelope."""

import re
from typing import Any

from local.azure.arm.aks import fields, versions
from local.azure.arm.azure import Azure
from local.azure.arm.operations import Operation
from local.azure.arm.providers import quota
from local.azure.arm.providers.sizes import find
from local.azure.arm.wire import Call, Json, Refusal, flat, same, timestamp, wrapped


def invalid(target: str, details: str) -> Refusal:
    message = f"The value of parameter {target} is invalid. Error details: {details}"
    return flat(400, "InvalidParameter", message, target=target)


def check_fields(asked: Json) -> None:
    """Properties that the API does not have, such as networkProfile.dockerBridgeCidr."""
    _known(asked, fields.CLUSTER)
    _known(asked.get("networkProfile") or {}, fields.NETWORK)
    for profile in asked.get("agentPoolProfiles") or []:
        check_pool_fields(profile)


def check_pool_fields(asked: Json) -> None:
    _known(asked, fields.POOL | {"name"})
    if not isinstance(asked.get("name"), str):
        raise invalid("agentPoolProfile.name", "An agent pool needs a name.")


def check_name(name: str) -> None:
    if not re.fullmatch(r"[a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?", name):
        details = f"The managed cluster name '{name}' must be 1 to 63 letters, digits, hyphens and underscores"
        raise invalid("resourceName", f"{details}, beginning and ending with a letter or digit.")


def check_cluster(properties: Json) -> None:
    """Of the whole body: names, pools, SSH key."""
    if not re.fullmatch(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,52}[a-zA-Z0-9])?", str(properties["dnsPrefix"])):
        raise invalid(
            "dnsPrefix", "It must be 1 to 54 letters, digits and hyphens, with a letter or digit at each end."
        )
    if not re.fullmatch(r"[\w.()-]{0,79}[\w()-]", str(properties["nodeResourceGroup"])):
        raise invalid("nodeResourceGroup", "It can have up to 80 letters, digits, '-', '.', '(', ')' or '_'.")
    pools = properties["agentPoolProfiles"]
    if not any(pool["mode"] == "System" for pool in pools):
        raise flat(400, "InvalidParameter", "Must define at least one system pool.", target="agentPoolProfile.mode")
    if len({pool["name"] for pool in pools}) < len(pools):
        raise invalid("agentPoolProfile.name", "Agent pool names must be unique.")
    for profile in pools:
        check_pool(profile)
    keys = ((properties.get("linuxProfile") or {}).get("ssh") or {}).get("publicKeys") or []
    if any(not str(key.get("keyData", "")).startswith(("ssh-rsa ", "ssh-ed25519 ")) for key in keys):
        raise invalid("linuxProfile.ssh.publicKeys.keyData", "It is no valid OpenSSH public key.")


def check_pool(profile: Json) -> None:
    name, mode = profile["name"], profile["mode"]
    if not re.fullmatch(r"[a-z][a-z0-9]{0,11}", str(name)):
        raise invalid(
            "agentPoolProfile.name", f"'{name}' must be 1 to 12 lowercase letters and digits, a letter first."
        )
    size = find(str(profile["vmSize"]))
    if size is None:
        message = f"The VM size of {profile['vmSize']} is not allowed in your subscription in this location."
        raise flat(400, "VMSizeNotSupported", message)
    if mode == "System" and (size.vcpus < 2 or size.memory_gib < 4):
        raise invalid(
            "agentPoolProfile.vmSize", "A system node pool needs VMs with at least 2 vCPUs and 4 GB of memory."
        )
    stopped = profile["powerState"]["code"] == "Stopped"
    least = 0 if mode == "User" or stopped else 1
    if not _is_count(profile["count"], least, 1000):
        raise invalid("agentPoolProfile.count", f"The count of a {mode} pool must be from {least} to 1000.")
    if not _is_count(profile["maxPods"], 10, 250):
        raise invalid("agentPoolProfile.maxPods", "It must be from 10 to 250.")
    if profile["enableAutoScaling"] and not stopped:
        _check_bounds(profile, least)


def check_version(name: str, asked: str, plan: str) -> str:
    """The patch version meant."""
    version = versions.resolve(asked)
    if version is None:
        message = (
            f"Managed cluster {name} is on version {asked} which is not supported in this region. Please use "
            "[az aks get-versions] command to get the supported version list in this region. For more information, "
            "please check https://aka.ms/supported-version-list"
        )
        raise flat(400, "K8sVersionNotSupported", message)
    if versions.long_term_only(version) and plan != "AKSLongTermSupport":
        message = (
            f"Managed cluster {name} is on version {version}, which is only available for Long-Term Support (LTS). If "
            "you intend to onboard to LTS, please ensure the cluster is in Premium tier and LTS support plan. Refer to "
            "https://aka.ms/aks/enable-lts for more information."
        )
        raise flat(400, "K8sVersionNotSupported", message)
    return version


def check_upgrade(current: str, wanted: str) -> None:
    """One minor version at a time, and never back."""
    offered = [version for version, _ in versions.upgrades(current)]
    if wanted == current or wanted in offered:
        return
    message = (
        f"Upgrading Kubernetes version {current} to {wanted} is not allowed. Available upgrades: "
        f"[{' '.join(offered)}]. Please see https://aka.ms/aks-supported-k8s-ver for version details."
    )
    raise flat(400, "OperationNotAllowed", message)


def check_unchanged(current: Json, wanted: Json) -> None:
    """Properties that stay as they were made."""
    for name in ("dnsPrefix", "nodeResourceGroup", "enableRBAC"):
        _same_value(name, current.get(name), wanted.get(name))
    for name in ("networkPlugin", "serviceCidr", "dnsServiceIP", "loadBalancerSku"):
        _same_value(f"networkProfile.{name}", current["networkProfile"].get(name), wanted["networkProfile"].get(name))
    pools = {profile["name"]: profile for profile in wanted["agentPoolProfiles"]}
    for before in current["agentPoolProfiles"]:
        after = pools.get(before["name"])
        if after is None:
            raise _changed("agentPoolProfiles")
        check_pool_unchanged(before, after)


def check_identity(existing: Json, asked: Json) -> None:
    """There is no way back from a managed identity to a service principal (AKS docs; the words of the refusal are ours)."""
    client = ((asked.get("properties") or {}).get("servicePrincipalProfile") or {}).get("clientId") or "msi"
    if existing.get("identity") and client != "msi":
        message = "Updating service principal profile is not allowed on a cluster with managed identity."
        raise flat(400, "BadRequest", message, target="servicePrincipalProfile")


def check_pool_unchanged(before: Json, after: Json) -> None:
    for name in ("vmSize", "vnetSubnetID", "maxPods", "osDiskSizeGB", "osDiskType", "osType", "type"):
        _same_value(f"agentPoolProfile.{name}", before.get(name), after.get(name))


def check_quota(azure: Azure, location: str, key: str, pools: list[Json]) -> None:
    missing = quota.shortage(azure, location, key, pools)
    if missing is None:
        return
    kind = "regional" if missing.family == quota.REGIONAL else f"family {missing.family} for"
    message = (
        f"Insufficient vcpu quota requested {missing.requested}, remaining {missing.remaining} for {kind} region "
        f"{location}. If you want to increase the quota, please follow this instruction: "
        "https://learn.microsoft.com/en-us/azure/quotas/view-quotas. Surge nodes would also consume vcpu quota, please "
        "consider use smaller maxSurge or use maxUnavailable to proceed upgrade without surge nodes."
    )
    raise flat(400, "ErrCode_InsufficientVCPUQuota", message)


def check_principal(azure: Azure, client: str, secret: str | None) -> None:
    """The service principal is known to AKS by now, and its secret is good."""
    if azure.directory.service_principal(client) is None:
        message = (
            f"Service principal clientID: {client} not found in Active Directory tenant "
            f"{azure.account['tenantId']}, Please see https://aka.ms/aks-sp-help for more details."
        )
        raise flat(400, "ServicePrincipalNotFound", message)
    problem = secret_problem(azure, client, secret)
    if problem:
        raise flat(400, problem["code"], problem["message"])


def secret_problem(azure: Azure, client: str, secret: str | None) -> Json | None:
    verdict = azure.directory.check_secret(client, secret or "")
    if verdict == "ok":
        return None
    reason = {
        "invalid": f"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the "
        f"client secret value, not the client secret ID, for a secret added to app '{client}'.",
        "expired": f"AADSTS7000222: The provided client secret keys for app '{client}' are expired.",
    }[verdict]
    message = (
        f"The credentials in ServicePrincipalProfile were invalid. Please see https://aka.ms/aks-sp-help. {reason}"
    )
    return {"code": "ServicePrincipalValidationClientError", "message": message}


def check_idle(operations: list[Operation]) -> None:
    """Raises Refusal (409) while another operation works on the cluster."""
    if operations:
        running = operations[-1]
        what = "agent pool" if "/agentpools/" in running.target else "managed cluster"
        message = (
            f"Operation is not allowed because there's an in progress {running.title} operation (operation ID: "
            f"{running.id}) on the {what} started on UTC {timestamp(int(running.started))}. Please wait for it to finish "
            "before starting a new operation. You can also use 'az aks operation-abort' to abort the ongoing operation."
        )
        raise flat(409, "OperationNotAllowed", message)


def check_running(body: Json) -> None:
    """Only start and delete are allowed on a stopped cluster."""
    if body["properties"]["powerState"]["code"] == "Stopped":
        raise wrong_power(body, "updating")


def wrong_power(body: Json, verb: str, code: str = "OperationNotAllowed") -> Refusal:
    own = body["properties"]
    message = (
        f"managed cluster is in Provisioning State({own['provisioningState']}) and Power State"
        f"({own['powerState']['code']}), {verb} cannot be performed"
    )
    return flat(400, code, message)


def check_etag(call: Call, body: Json | None) -> None:
    """If-Match and If-None-Match. Raises Refusal (412)."""
    wanted, unwanted = call.headers.get("if-match"), call.headers.get("if-none-match")
    current = (body or {}).get("eTag")
    refused = wanted and (current is None or (wanted != "*" and wanted.strip('"') != current))
    if refused or (unwanted and current is not None and unwanted.strip('"') in ("*", current)):
        message = "The precondition given in one of the request headers evaluated to false: the ETag does not match."
        raise wrapped(412, "PreconditionFailed", message, cause="service")


def _known(asked: Any, names: frozenset[str]) -> None:
    if not isinstance(asked, dict):
        raise flat(400, "UnmarshalError", "UnmarshalEntity encountered error: json: an object was expected.")
    known = {name.lower() for name in names}
    strange = next((name for name in asked if name.lower() not in known), None)
    if strange is not None:
        raise flat(400, "UnmarshalError", f'UnmarshalEntity encountered error: json: unknown field "{strange}".')


def _is_count(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and least <= value <= most


def _check_bounds(profile: Json, least: int) -> None:
    low, high = profile.get("minCount"), profile.get("maxCount")
    if not _is_count(low, least, 1000) or not _is_count(high, max(1, low or 0), 1000):
        raise invalid(
            "agentPoolProfile.minCount", "With enableAutoScaling minCount and maxCount are needed, in this order."
        )
    if not low <= profile["count"] <= high:
        raise invalid("agentPoolProfile.count", f"It must be between minCount ({low}) and maxCount ({high}).")


def _same_value(name: str, before: Any, after: Any) -> None:
    equal = same(before, after) if isinstance(before, str) and isinstance(after, str) else before == after
    if not equal:
        raise _changed(name)


def _changed(name: str) -> Refusal:
    return flat(400, "PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.", target=name)
