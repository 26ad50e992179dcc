"""The controller of LoadBalancer services, and the listeners that all services need."""

import functools
from collections.abc import Callable

from local.kubernetes.addresses import Addresses
from local.kubernetes.controllers.control import Control
from local.kubernetes.controllers.endpoints import ready_targets
from local.kubernetes.forwarding import Address, Forwarding, Listener
from local.kubernetes.objects.kinds import SERVICE
from local.kubernetes.objects.store import Store, clone, meta
from local.world import Document

DNS_LABEL = "service.beta.kubernetes.io/azure-dns-label-name"
_CLEANUP = "service.kubernetes.io/load-balancer-cleanup"
_SECONDS = 20.0
"""How long Azure takes to give a service its public address."""
_RETRY = 5.0
"""Virtual seconds until a service that was refused one asks again; the cloud provider waits longer and longer."""


def _owner(cluster: str, service: Document) -> str:
    return f"{cluster}|{meta(service)['uid']}"


def is_balanced(service: Document) -> bool:
    return bool(service["spec"]["type"] == "LoadBalancer")


def reconcile_balancers(
    control: Control, addresses: Addresses, cluster: str, refusal: Callable[[], str | None] = lambda: None
) -> None:
    """Gives LoadBalancer services an address after a while, and takes it back when they go.

    refusal: why Azure gives the cluster none; None when it does.
    """
    for service in control.store.all(SERVICE):
        deleting = bool(meta(service).get("deletionTimestamp"))
        held = _CLEANUP in (meta(service).get("finalizers") or [])
        if deleting or not is_balanced(service):
            if held or service["status"].get("loadBalancer"):
                _withdraw(control, addresses, cluster, service)
        elif not held:
            changed = clone(service)
            meta(changed)["finalizers"] = [*(meta(service).get("finalizers") or []), _CLEANUP]
            control.store.update(SERVICE, changed)
            control.event(service, "EnsuringLoadBalancer", "Ensuring load balancer", "service-controller")
            control.wake_at(control.seconds())
        elif not service["status"].get("loadBalancer") and control.passed(_since(service), _SECONDS):
            if why := refusal():
                control.event(service, "SyncLoadBalancerFailed", why, "service-controller", warning=True)
                control.wake_at(control.seconds() + _RETRY)
            else:
                _publish(control, addresses, cluster, service)


def _since(service: Document) -> str:
    return str(meta(service)["creationTimestamp"])


def _publish(control: Control, addresses: Addresses, cluster: str, service: Document) -> None:
    ip = addresses.of(_owner(cluster, service), "balancer")
    control.set_status(SERVICE, service, {"loadBalancer": {"ingress": [{"ip": ip, "ipMode": "VIP"}]}})
    control.event(service, "EnsuredLoadBalancer", "Ensured load balancer", "service-controller")


def _withdraw(control: Control, addresses: Addresses, cluster: str, service: Document) -> None:
    addresses.release(_owner(cluster, service), "balancer")
    changed = clone(service)
    meta(changed)["finalizers"] = [one for one in meta(service).get("finalizers") or [] if one != _CLEANUP]
    changed["status"] = {"loadBalancer": {}}
    control.store.update(SERVICE, changed)


def public_ips(service: Document) -> list[str]:
    return [one["ip"] for one in service["status"].get("loadBalancer", {}).get("ingress") or []]


def public_addresses(store: Store) -> list[Document]:
    """Azure's view of the load-balanced services: a public IP each, named as the cloud provider names it."""
    return [
        {
            "name": "kubernetes-a" + meta(service)["uid"].replace("-", "")[:31],
            "ip": ip,
            "dnsLabel": (meta(service).get("annotations") or {}).get(DNS_LABEL) or None,
        }
        for service in store.all(SERVICE)
        for ip in public_ips(service)
    ]


def inner_address(addresses: Addresses, cluster: str, service: Document) -> str:
    """The loopback address that stands for a service's clusterIP, which this machine does not have."""
    return addresses.of(_owner(cluster, service), "service")


def listeners(store: Store, addresses: Addresses, cluster: str) -> list[Listener]:
    """Every address and port at which a service must be reachable."""
    found = []
    for service in store.all(SERVICE):
        if service["spec"]["type"] == "ExternalName" or not service["spec"].get("selector"):
            continue
        hosts = [*public_ips(service), inner_address(addresses, cluster, service)]
        for port in service["spec"].get("ports") or []:
            if port["protocol"] == "TCP":
                targets = functools.partial(_targets, store, meta(service)["namespace"], meta(service)["name"], port)
                found += [Listener((host, port["port"]), targets) for host in hosts]
    return found


def _targets(store: Store, namespace: str, name: str, port: Document) -> list[Address]:
    service = store.get(SERVICE, namespace, name)
    return ready_targets(store, service, port) if service else []


def tell_refusals(control: Control, forwarding: Forwarding) -> None:
    """An address that cannot be listened on shows as an event of its service."""
    for service in control.store.all(SERVICE):
        for ip in public_ips(service):
            for port in service["spec"].get("ports") or []:
                if why := forwarding.refused.get((ip, port["port"])):
                    message = f"Error syncing load balancer: {why}"
                    control.event(service, "SyncLoadBalancerFailed", message, "service-controller", warning=True)
