"""Preflight checks of names that must be unique beyond the subscription."""

from shared import names
from shared.checks.findings import CLEAR, Found, error
from shared.hubs import ownership
from shared.hubs.spec import binder
from shared.hubs.spec.model import Hub
from shared.hubs.spec.registries import AzureRegistry
from shared.problem import Problem
from shared.services import Services


def dns_label(services: Services, hub: Hub) -> Found:
    """Checks that the DNS label is free in the region; for a BinderHub both labels."""
    labels = {"access.dnsLabel": hub.access.dns_label, "access.binderLabel": binder.label(hub)}
    taken = {field: label for field, label in labels.items() if label and not _label_free(services, hub, label)}
    return Found(
        tuple(
            Problem(
                "DnsLabelTaken",
                f"The DNS label {label} is taken in {hub.location}.",
                f"Choose another {field}, such as {label}-{hub.name}-hub.",
                field,
            )
            for field, label in taken.items()
        )
    )


def _label_free(services: Services, hub: Hub, label: str) -> bool:
    if services.networks.check_dns_label(hub.location, label):
        return True
    cluster = services.clusters.get(hub.resource_group, hub.cluster.name)
    if cluster is None or not ownership.owned(cluster.tags, hub.name):
        return False
    ours = services.networks.public_addresses(hub.cluster.node_resource_group)
    return any(address.label == label for address in ours)


def registry_name(services: Services, hub: Hub) -> Found:
    """Checks that the name of a BinderHub's registry is free: it must be unique in all of Azure."""
    wanted = hub.registry
    if not isinstance(wanted, AzureRegistry):
        return CLEAR
    taken = services.registries.why_taken(wanted.name)
    if taken is None:
        return CLEAR
    where = names.registry_id(services.settings.subscription_id, hub.resource_group, wanted.name)
    found = services.registries.registry(where)
    if found and ownership.owned(found.tags, hub.name):
        return CLEAR
    return error(
        "RegistryNameTaken",
        f"No registry can be named {wanted.name}: {taken.rstrip('.')}.",
        f"Choose another registry.name, such as {wanted.name[:44]}images.",
        "registry.name",
    )
