"""Containers that the local cloud really runs: JupyterHub, its proxy, its users' servers, and BinderHub's page."""

from local.kubernetes.node.runtime import Runtime
from local.kubernetes.workloads.autohttps import AutohttpsRuntime
from local.kubernetes.workloads.binder import BinderRuntime
from local.kubernetes.workloads.hub import HubRuntime
from local.kubernetes.workloads.proxy import ProxyRuntime
from local.kubernetes.workloads.singleuser import SingleuserRuntime
from local.publicnames import resolved
from local.server import Authority
from local.world import World


def runtimes(world: World | None = None, authority: Authority | None = None) -> list[Runtime]:
    """Every runtime there is; the kubelet asks them in this order.

    With a world, what users do is dated by its clock; with an authority, too, https by letsencrypt has a certificate of it.
    """
    clock = world.state / "clock.json" if world else None
    common: list[Runtime] = [HubRuntime(clock), ProxyRuntime(clock), SingleuserRuntime(clock), BinderRuntime(clock)]
    if authority is None or world is None:
        return common
    balancers = f"{world.ports.network}.0."

    def leads(name: str) -> bool:
        return any(address.startswith(balancers) for address in resolved(name, world.resources()) or [])

    return [*common, AutohttpsRuntime(authority, clock, leads)]
