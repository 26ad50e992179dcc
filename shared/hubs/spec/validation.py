"""Whether a request makes a hub: every wrong field at once, each with what to write instead.

Sources: names in shared.names; networks: "Use Azure CNI" (AKS docs: service CIDR outside of what is reachable is a rule that the
tutorials' own 10.0.0.0/16 inside 10.0.0.0/8 shows to be about the subnet, and so it is read here); pods and addresses: the
azure network plugin takes an address of the subnet for every pod.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared import names
from shared.errors import InvalidError
from shared.hubs.spec import binder, defaults, https, logins, secret_fields, values_amounts
from shared.hubs.spec.model import Hub
from shared.problem import Problem, wrong
from shared.shape import shape_problems


def invalid(problems: Iterable[Problem]) -> InvalidError:
    """What a request is refused with that does not make a hub."""
    found = list(problems)
    summary = Problem(
        "InvalidHub",
        f"The hub cannot be made or changed as described. Wrong fields: {len(found)}.",
        "Correct the fields listed under errors; nothing was changed.",
    )
    return InvalidError(summary, found)


def parse(body: object, location: str, deployment: str = "") -> Hub:
    """The hub with every default and derived name filled in. Raises InvalidError. deployment: see Hub.resolved."""
    draft = read(body, location, deployment)
    if draft.hub is None or draft.problems:
        raise invalid(draft.problems)
    return draft.hub


@dataclass(frozen=True)
class Draft:
    """A request, read as far as possible. hub: with defaults in place of the fields in `unread`; None: it cannot be read at all.

    unread: the top-level fields that have a wrong type or an unknown field somewhere in them.
    """

    hub: Hub | None
    problems: tuple[Problem, ...] = ()
    unread: frozenset[str] = frozenset()

    def knows(self, *fields: str) -> bool:
        """Whether these fields of the hub are what the request says; of no other ones a rule can judge."""
        return self.hub is not None and self.unread.isdisjoint(fields)


def read(body: object, location: str, deployment: str = "") -> Draft:
    """The hub that the request describes, and every wrong field. Rules that need a field which cannot be read are left out."""
    if not isinstance(body, dict):
        return Draft(None, (wrong("", f"the body must be a JSON object, not {_kind(body)}", "WrongType"),))
    try:
        draft = Draft(Hub.model_validate(body).resolved(location, deployment))
    except ValidationError as error:
        draft = _without(body, error, location, deployment)
    found = [problem for rule, fields in _RULES if draft.hub and draft.knows(*fields) for problem in rule(draft.hub)]
    rules = (problem for problem in found if draft.knows(problem.field.partition(".")[0]))
    return Draft(draft.hub, (*draft.problems, *rules), draft.unread)


_STAND_IN = "hub"
"""Name of a hub whose own one cannot be read. No rule that looks at names is asked then."""


def _without(body: dict[str, Any], error: ValidationError, location: str, deployment: str) -> Draft:
    """What is left of the request without the top-level fields that are wrong."""
    problems = tuple(shape_problems(error, Hub, "a hub"))
    unread = frozenset(
        str(next(iter(item["loc"]), "")) for item in error.errors(include_url=False, include_input=False)
    )
    rest = {name: value for name, value in body.items() if name not in unread}
    try:
        hub = Hub.model_validate({"name": _STAND_IN} | rest)
    except ValidationError:  # a field that goes by two names, or a rule of the whole
        return Draft(None, problems, unread)
    return Draft(hub.resolved(location, deployment), problems, unread)


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
    if hub.identity.type == "service-principal" and not hub.identity.existing:
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


# Rules that span fields


def _names(hub: Hub) -> Iterator[Problem]:
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
            yield wrong(field, problem)
    if hub.name in names.RESERVED_HUBS:
        yield wrong("name", f"{hub.name!r} is a word of the API; choose another, such as {hub.name}-1")
    if hub.release.namespace in names.RESERVED_NAMESPACES:
        yield wrong(
            "release.namespace", f"{hub.release.namespace!r} belongs to Kubernetes; choose another, such as jhub"
        )
    if hub.network.subnet.lower() in names.RESERVED_SUBNETS:
        yield wrong("network.subnet", f"{hub.network.subnet!r} is kept by Azure for its own services; choose another")


def _groups(hub: Hub) -> Iterator[Problem]:
    if hub.cluster.node_resource_group.lower() == hub.resource_group.lower():
        yield wrong(
            "cluster.nodeResourceGroup", "must differ from resourceGroup: AKS makes it, and deletes it with the cluster"
        )


def _network(hub: Hub) -> Iterator[Problem]:
    networks: dict[str, ipaddress.IPv4Network] = {}
    for field, value in (
        ("network.addressPrefix", hub.network.address_prefix),
        ("network.subnetPrefix", hub.network.subnet_prefix),
        ("cluster.serviceCidr", hub.cluster.service_cidr),
    ):
        try:
            networks[field] = ipaddress.IPv4Network(value)
        except ValueError:
            yield wrong(field, f"must be an IPv4 range whose host bits are zero, like 10.240.0.0/16; {value!r} is not")
    if len(networks) == 3:
        yield from _ranges(hub, *networks.values())
    yield from _dns_service_ip(hub, networks.get("cluster.serviceCidr"))


def _ranges(
    hub: Hub, network: ipaddress.IPv4Network, subnet: ipaddress.IPv4Network, services: ipaddress.IPv4Network
) -> Iterator[Problem]:
    if not subnet.subnet_of(network):
        yield wrong("network.subnetPrefix", f"{subnet} must lie within network.addressPrefix {network}")
    if services.overlaps(subnet):
        yield wrong("cluster.serviceCidr", f"{services} must not overlap network.subnetPrefix {subnet}")
    if services.prefixlen < 12:
        yield wrong("cluster.serviceCidr", f"{services} is too large: AKS takes at most a /12")
    nodes = (hub.cluster.autoscale.max if hub.cluster.autoscale else hub.cluster.node_count) + 1
    needed = nodes * (hub.cluster.max_pods + 1)
    free = subnet.num_addresses - 5
    if needed > free:
        yield wrong(
            "network.subnetPrefix",
            f"{subnet} has {max(free, 0)} addresses to give; {nodes} nodes (one more during upgrades) with "
            f"{hub.cluster.max_pods} pods each take {needed}",
        )


def _dns_service_ip(hub: Hub, services: ipaddress.IPv4Network | None) -> Iterator[Problem]:
    field = "cluster.dnsServiceIp"
    try:
        address = ipaddress.IPv4Address(hub.cluster.dns_service_ip)
    except ValueError:
        yield wrong(field, f"must be an IPv4 address like 10.0.0.10; {hub.cluster.dns_service_ip!r} is not")
        return
    if services is None:
        return
    if address not in services:
        yield wrong(field, f"{address} must lie within cluster.serviceCidr {services}")
    elif address == services.network_address + 1:
        yield wrong(
            field, f"{address} is the range's first address, which Kubernetes takes for its own API; take another"
        )
    elif address in (services.network_address, services.broadcast_address):
        yield wrong(field, f"{address} is the edge of cluster.serviceCidr {services}; take one inside")


def _cluster(hub: Hub) -> Iterator[Problem]:
    bounds = hub.cluster.autoscale
    if bounds and bounds.min > bounds.max:
        yield wrong("cluster.autoscale.min", f"{bounds.min} is more than autoscale.max {bounds.max}")
    elif bounds and not bounds.min <= hub.cluster.node_count <= bounds.max:
        yield wrong(
            "cluster.nodeCount",
            f"{hub.cluster.node_count} must lie between autoscale.min {bounds.min} and max {bounds.max}",
        )
    key = hub.cluster.ssh_public_key
    if key is not None and not re.match(r"(ssh-(rsa|ed25519)|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/=]+", key):
        yield wrong("cluster.sshPublicKey", "must be a public key in OpenSSH's form: ssh-rsa AAAA...")


def _identity(hub: Hub) -> Iterator[Problem]:
    given = hub.identity
    if given.type == "managed" and (given.client_id or given.secret):
        yield wrong("identity", "clientId and secret belong to a service principal; a managed identity has neither")
    elif given.existing != (given.secret is not None):
        yield wrong("identity", "a service principal that is brought along needs both clientId and secret")


def _login(hub: Hub) -> Iterator[Problem]:
    if isinstance(hub.auth, logins.Provider) and not https.named(hub.access, hub.values):
        yield wrong(
            "access.dnsLabel",
            f"auth {hub.auth.type} needs an address that is known before the hub is there, for the provider sends people back to "
            "it: set a DNS label, or access.host to a name of your own",
        )


def _by_flavor(hub: Hub) -> Iterator[Problem]:
    yield from binder.problems(hub)
    if not hub.binder:  # which takes neither a name of its own nor https
        yield from https.problems(hub.access, hub.values)


def _tags(hub: Hub) -> Iterator[Problem]:
    if len(hub.tags) > 40:
        yield wrong(
            "tags", f"a hub can have 40 tags; there are {len(hub.tags)} (Azure stops at 50, some are Hubkeeper's)"
        )
    for key, value in hub.tags.items():
        if problem := names.TAG_KEY.problem(key):
            yield wrong(f"tags.{key}", problem)
        if key.lower().startswith(("hubkeeper-", "microsoft", "azure", "windows")):
            yield wrong(f"tags.{key}", "tags that start with hubkeeper-, microsoft, azure or windows are reserved")
        if len(value) > 256:
            yield wrong(f"tags.{key}", f"a tag's value has at most 256 characters; this has {len(value)}")


type Rule = Callable[[Hub], Iterator[Problem]]

_RULES: tuple[tuple[Rule, tuple[str, ...]], ...] = (
    (_names, ("name", "location")),
    (_groups, ("name", "location", "resourceGroup", "cluster")),
    (_network, ("network", "cluster")),
    (_cluster, ("cluster",)),
    (_identity, ("identity",)),
    (_tags, ("tags",)),
    (_login, ("auth", "access", "values")),
    (_by_flavor, ("flavor", "release", "registry", "image", "environment", "values", "auth", "access")),
    (values_amounts.problems, ("flavor", "values")),
    (secret_fields.problems, ("flavor", "values")),
)
"""Each rule, and the top-level fields that it cannot judge without."""
