"""Whether a request makes a hub: every wrong field at once, each with what to write instead.

Sources: names in shared.names; networks: "Use Azure CNI" (AKS docs: service CIDR outside of what is reachable is a rule that the
tutorials' own 10.0.0.0/16 inside 10.0.0.0/8 shows to be about the subnet, and so it is read here); pods and addresses: the
azure network plugin takes an address of the subnet for every pod.
"""

import difflib
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from shared import names, paths
from shared.hubs.spec import binder, defaults, https, logins, secret_fields, values_amounts
from shared.hubs.spec.model import Hub


@dataclass(frozen=True)
class FieldError:
    """field: dotted path as in the request ("cluster.nodeCount", "schedule.windows[0].from"); message: a sentence."""

    field: str
    message: str


class InvalidError(Exception):
    """The request does not make a hub; `errors` has every wrong field."""

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))


def parse(body: object, location: str, deployment: str = "") -> Hub:
    """The hub with every default and derived name filled in. Raises InvalidError. deployment: see Hub.resolved."""
    if not isinstance(body, dict):
        raise InvalidError([FieldError("", f"the body must be a JSON object, not {_kind(body)}")])
    try:
        hub = Hub.model_validate(body).resolved(location, deployment)
    except ValidationError as error:
        raise InvalidError(field_errors(error, Hub)) from None  # pydantic's error shows values; ours does not
    if errors := [
        *_names(hub),
        *_network(hub),
        *_cluster(hub),
        *_identity(hub),
        *_tags(hub),
        *_login(hub),
        *(FieldError(field, message) for field, message in _by_flavor(hub)),
        *(FieldError(field, message) for field, message in values_amounts.problems(hub)),
        *(FieldError(field, message) for field, message in secret_fields.problems(hub)),
    ]:
        raise InvalidError(errors)
    return hub


def warnings(hub: Hub) -> list[str]:
    """What is accepted and yet worth a sentence."""
    found = []
    if hub.cluster.docker_bridge_address:
        found.append(
            "cluster.dockerBridgeAddress is left out: Azure dropped the setting when AKS moved from Docker to containerd."
        )
    if hub.cluster.network_policy == "azure":
        found.append(
            "cluster.networkPolicy azure (Azure NPM) retires on Linux on 30 September 2028; cilium is what Azure recommends."
        )
    if hub.cluster.rules:
        found.append(_SCALE_RULES)
    if hub.auth == "none" and not hub.binder:
        found.append(
            "auth is none: anyone who finds the address can log in with any name and run code. Set a password soon."
        )
    if isinstance(hub.auth, logins.Provider):
        found += logins.warnings(hub.auth)
        if not https.secure(hub.access, hub.values):
            found.append(_PLAIN_HTTP)
    found += https.warnings(hub.access, hub.values)
    if hub.identity.type == "service-principal" and not hub.identity.brought:
        found.append(
            f"The service principal's password expires after {defaults.PASSWORD_DAYS} days; identity managed has none to expire."
        )
    if hub.environment and (hub.environment.packages or hub.environment.conda):
        found.append(
            "environment.packages and conda are installed anew each time a server starts: that takes up to minutes and fails with "
            "the package index. An image that has them (image) starts at once and is the same for everybody."
        )
    found += binder.warnings(hub)
    if hub.image and hub.image.tag == "latest":
        found.append("image.tag latest moves: two nodes may run different images. Name a dated tag.")
    return found


_SCALE_RULES = (
    "cluster.autoscale.mode vmss-cpu: Microsoft does not support rules on the scale set of AKS' nodes. AKS knows nothing of nodes "
    "that they add and may undo it with the next change, and a node that they remove takes the servers on it along unwarned. The "
    "cluster autoscaler (mode cluster-autoscaler) looks at the pods that wait, and empties a node first."
)
_PLAIN_HTTP = (
    "auth: the callback address is plain http. Microsoft Entra and many others take https alone, and who listens on the way can "
    "take a session over: set access.https."
)


# Shape: pydantic's complaints, in our words


_WORDS = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
}


def field_errors(error: ValidationError, model: type[BaseModel]) -> list[FieldError]:
    """Pydantic's errors by wire name, without the values that were sent. The first unknown fields come with a guess."""
    found, guesses = [], _MOST_GUESSES
    for item in error.errors(include_url=False, include_input=False):
        unknown = item["type"] == "extra_forbidden"
        guesses -= unknown
        found.append(_field_error(item, model if not unknown or guesses >= 0 else None))
    return found


def _field_error(item: Any, model: type[BaseModel] | None) -> FieldError:
    """model: where unknown fields are looked up; None: they are not."""
    kind = str(item["type"])
    if kind == "extra_forbidden":
        message = _unknown(str(item["loc"][-1]), _fields_at(model, item["loc"][:-1])) if model else _NOT_KNOWN
    elif kind == "value_error":
        message = str(item["ctx"]["error"])
    elif kind == "literal_error":
        message = f"must be {item['ctx']['expected']}"
    elif kind == "string_pattern_mismatch":
        message = f"does not fit the pattern {item['ctx']['pattern']}"
    else:
        message = _WORDS.get(kind) or _lower(str(item["msg"]))
    return FieldError(paths.path(item["loc"]), message)


_MOST_GUESSES = 20
"""A guess compares a name with every known one, and names them all where none is near; a body has room for thousands."""
_LONGEST_GUESSED = 64
"""Characters. No field is half as long, so that none is near a longer name."""
_NOT_KNOWN = "is not a field of a hub"


def _unknown(name: str, known: list[str]) -> str:
    near = _nearest(name, known) if len(name) <= _LONGEST_GUESSED else []
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(set(known)))}"
    return f"{_NOT_KNOWN}; {hint}"


def _nearest(name: str, known: list[str]) -> list[str]:
    plain = name.lower().replace("_", "").replace("-", "")
    return difflib.get_close_matches(name, known, n=1, cutoff=0.5) or difflib.get_close_matches(
        plain, known, n=1, cutoff=0.5
    )


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The wire names of the fields where an unknown one was found; of all kinds, where there are several."""
    current = [model]
    for part in location:
        if not isinstance(part, int):
            fields = [f for each in current for n, f in each.model_fields.items() if part in (n, f.alias)]
            current = [inner for field in fields for inner in _inner_models(field.annotation)]
    return [field.alias or name for each in current for name, field in each.model_fields.items()]


def _inner_models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _inner_models(part)]


def _kind(value: object) -> str:
    names_of = {
        list: "a list",
        str: "a string",
        bool: "true or false",
        int: "a number",
        float: "a number",
        type(None): "null",
    }
    return names_of.get(type(value), type(value).__name__)


def _lower(message: str) -> str:
    said = message.removeprefix("Input ").removesuffix(".")
    return said[:1].lower() + said[1:]


# Rules that span fields


def _names(hub: Hub) -> Iterator[FieldError]:
    """The names that were derived are checked like those that were given; a long hub name shows here."""
    checks = [
        ("resourceGroup", names.RESOURCE_GROUP, hub.resource_group),
        ("network.name", names.NETWORK, hub.network.name),
        ("network.subnet", names.SUBNET, hub.network.subnet),
        ("cluster.name", names.CLUSTER, hub.cluster.name),
        ("cluster.nodeResourceGroup", names.NODE_RESOURCE_GROUP, hub.cluster.node_resource_group),
        (
            "identity.name",
            names.IDENTITY if hub.identity.type == "managed" else names.SERVICE_PRINCIPAL,
            hub.identity.name,
        ),
    ]
    for field, rule, value in checks:
        if problem := rule.problem(value):
            yield FieldError(field, problem)
    if hub.name in names.RESERVED_HUBS:
        yield FieldError("name", f"{hub.name!r} is a word of the API; choose another, such as {hub.name}-1")
    if hub.release.namespace in names.RESERVED_NAMESPACES:
        yield FieldError(
            "release.namespace", f"{hub.release.namespace!r} belongs to Kubernetes; choose another, such as jhub"
        )
    if hub.network.subnet.lower() in names.RESERVED_SUBNETS:
        yield FieldError(
            "network.subnet", f"{hub.network.subnet!r} is kept by Azure for its own services; choose another"
        )
    if hub.cluster.node_resource_group.lower() == hub.resource_group.lower():
        yield FieldError(
            "cluster.nodeResourceGroup", "must differ from resourceGroup: AKS makes it, and deletes it with the cluster"
        )


def _network(hub: Hub) -> Iterator[FieldError]:
    networks: dict[str, ipaddress.IPv4Network] = {}
    for field, value in (
        ("network.addressPrefix", hub.network.address_prefix),
        ("network.subnetPrefix", hub.network.subnet_prefix),
        ("cluster.serviceCidr", hub.cluster.service_cidr),
    ):
        try:
            networks[field] = ipaddress.IPv4Network(value)
        except ValueError:
            yield FieldError(
                field, f"must be an IPv4 range whose host bits are zero, like 10.240.0.0/16; {value!r} is not"
            )
    if len(networks) == 3:
        yield from _ranges(hub, *networks.values())
    yield from _dns_service_ip(hub, networks.get("cluster.serviceCidr"))


def _ranges(
    hub: Hub, network: ipaddress.IPv4Network, subnet: ipaddress.IPv4Network, services: ipaddress.IPv4Network
) -> Iterator[FieldError]:
    if not subnet.subnet_of(network):
        yield FieldError("network.subnetPrefix", f"{subnet} must lie within network.addressPrefix {network}")
    if services.overlaps(subnet):
        yield FieldError("cluster.serviceCidr", f"{services} must not overlap network.subnetPrefix {subnet}")
    if services.prefixlen < 12:
        yield FieldError("cluster.serviceCidr", f"{services} is too large: AKS takes at most a /12")
    nodes = (hub.cluster.autoscale.max if hub.cluster.autoscale else hub.cluster.node_count) + 1
    needed = nodes * (hub.cluster.max_pods + 1)
    free = subnet.num_addresses - 5
    if needed > free:
        yield FieldError(
            "network.subnetPrefix",
            f"{subnet} has {max(free, 0)} addresses to give; {nodes} nodes (one more during upgrades) with "
            f"{hub.cluster.max_pods} pods each take {needed}",
        )


def _dns_service_ip(hub: Hub, services: ipaddress.IPv4Network | None) -> Iterator[FieldError]:
    field = "cluster.dnsServiceIp"
    try:
        address = ipaddress.IPv4Address(hub.cluster.dns_service_ip)
    except ValueError:
        yield FieldError(field, f"must be an IPv4 address like 10.0.0.10; {hub.cluster.dns_service_ip!r} is not")
        return
    if services is None:
        return
    if address not in services:
        yield FieldError(field, f"{address} must lie within cluster.serviceCidr {services}")
    elif address == services.network_address + 1:
        yield FieldError(
            field, f"{address} is the range's first address, which Kubernetes takes for its own API; take another"
        )
    elif address in (services.network_address, services.broadcast_address):
        yield FieldError(field, f"{address} is the edge of cluster.serviceCidr {services}; take one inside")


def _cluster(hub: Hub) -> Iterator[FieldError]:
    bounds = hub.cluster.autoscale
    if bounds and bounds.min > bounds.max:
        yield FieldError("cluster.autoscale.min", f"{bounds.min} is more than autoscale.max {bounds.max}")
    elif bounds and not bounds.min <= hub.cluster.node_count <= bounds.max:
        yield FieldError(
            "cluster.nodeCount",
            f"{hub.cluster.node_count} must lie between autoscale.min {bounds.min} and max {bounds.max}",
        )
    key = hub.cluster.ssh_public_key
    if key is not None and not re.match(r"(ssh-(rsa|ed25519)|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/=]+", key):
        yield FieldError("cluster.sshPublicKey", "must be a public key in OpenSSH's form: ssh-rsa AAAA...")


def _identity(hub: Hub) -> Iterator[FieldError]:
    given = hub.identity
    if given.type == "managed" and (given.client_id or given.secret):
        yield FieldError(
            "identity", "clientId and secret belong to a service principal; a managed identity has neither"
        )
    elif given.brought != (given.secret is not None):
        yield FieldError("identity", "a service principal that is brought along needs both clientId and secret")


def _login(hub: Hub) -> Iterator[FieldError]:
    if isinstance(hub.auth, logins.Provider) and not https.named(hub.access, hub.values):
        yield FieldError(
            "access.dnsLabel",
            f"auth {hub.auth.type} needs an address that is known before the hub is there, for the provider sends people back to "
            "it: set a DNS label, or access.host to a name of your own",
        )


def _by_flavor(hub: Hub) -> Iterator[tuple[str, str]]:
    yield from binder.problems(hub)
    if not hub.binder:  # which takes neither a name of its own nor https
        yield from https.problems(hub.access, hub.values)


def _tags(hub: Hub) -> Iterator[FieldError]:
    if len(hub.tags) > 40:
        yield FieldError(
            "tags", f"a hub can have 40 tags; there are {len(hub.tags)} (Azure stops at 50, some are Hubkeeper's)"
        )
    for key, value in hub.tags.items():
        if problem := names.TAG_KEY.problem(key):
            yield FieldError(f"tags.{key}", problem)
        if key.lower().startswith(("hubkeeper-", "microsoft", "azure", "windows")):
            yield FieldError(f"tags.{key}", "tags that start with hubkeeper-, microsoft, azure or windows are reserved")
        if len(value) > 256:
            yield FieldError(f"tags.{key}", f"a tag's value has at most 256 characters; this has {len(value)}")
