"""Amounts in the chart's own values: memory, processors, sizes of volumes, resources of pods. Pure.

The chart takes many of them as they are, and the hub or Kubernetes refuses them minutes later, in words that name no field.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared import amounts, paths
from shared.hubs.spec import binder
from shared.hubs.spec.model import Hub
from shared.problem import Problem, wrong

type Reader = Callable[[object], float | None]

MEMORY = 'must be an amount of memory such as "512M", "1.5G" or a number of bytes, and JupyterHub knows no "Gi"'
CORES = (
    f"must be a number of cores such as 0.5 or 2, and no text; from {amounts.LEAST_CORES} to {amounts.LARGEST_CORES}"
)
SIZE = 'must be the size of a volume such as "10Gi"'
QUANTITY = 'must be an amount as Kubernetes writes it, such as "250m", "512Mi" or 2'


def _size(written: object) -> float | None:
    """Of a volume: the chart takes texts alone, and nobody can store anything in nothing."""
    return (amounts.quantity(written) or None) if isinstance(written, str) else None


_SINGLEUSER: tuple[tuple[str, Reader, str], ...] = (
    ("memory.guarantee", amounts.memory_bytes, MEMORY),
    ("memory.limit", amounts.memory_bytes, MEMORY),
    ("cpu.guarantee", amounts.cores, CORES),
    ("cpu.limit", amounts.cores, CORES),
    ("storage.capacity", _size, SIZE),
)
_PROFILE: tuple[tuple[str, Reader, str], ...] = (
    ("mem_guarantee", amounts.memory_bytes, MEMORY),
    ("mem_limit", amounts.memory_bytes, MEMORY),
    ("cpu_guarantee", amounts.cores, CORES),
    ("cpu_limit", amounts.cores, CORES),
    ("storage_capacity", _size, SIZE),
)
"""KubeSpawner's names, in what a profile overrides."""
_PODS = (
    "hub.resources",
    "proxy.chp.resources",
    "proxy.traefik.resources",
    "proxy.secretSync.resources",
    "scheduling.userScheduler.resources",
    "scheduling.userPlaceholder.resources",
    "prePuller.resources",
    "prePuller.hook.resources",
    "singleuser.networkTools.resources",
)
"""Where JupyterHub's chart takes a pod's requests and limits."""
_BINDER_PODS = ("resources", "dind.resources", "pink.resources")
"""Where BinderHub's does."""


def problems(hub: Hub) -> Iterator[Problem]:
    """Fields whose amounts are none, each with what to write instead. Null stands for the chart's own default."""
    values, place = binder.inner(hub), binder.place(hub)
    yield from _wrong(_at(values, "singleuser"), f"{place}.singleuser", _SINGLEUSER)
    for index, profile in enumerate(_list(_at(values, "singleuser.profileList"))):
        where = f"{place}.singleuser.profileList[{index}].kubespawner_override"
        yield from _wrong(_at(profile, "kubespawner_override"), where, _PROFILE)
    yield from _wrong(_at(values, "hub.db.pvc"), f"{place}.hub.db.pvc", (("storage", _size, SIZE),))
    for pod in _PODS:
        yield from _resources(_at(values, pod), f"{place}.{pod}", ("requests", "limits"))
    yield from _resources(
        _at(values, "singleuser.extraResource"), f"{place}.singleuser.extraResource", ("guarantees", "limits")
    )
    for pod in _BINDER_PODS if hub.binder else ():
        yield from _resources(_at(hub.values, pod), f"values.{pod}", ("requests", "limits"))


def _wrong(values: object, place: str, fields: tuple[tuple[str, Reader, str], ...]) -> Iterator[Problem]:
    for field, read, says in fields:
        written = _at(values, field)
        if written is not None and read(written) is None:
            yield wrong(paths.under(place, field), says)


def _resources(values: object, place: str, kinds: tuple[str, str]) -> Iterator[Problem]:
    for kind in kinds:
        found = _at(values, kind)
        for name, written in found.items() if isinstance(found, Mapping) else ():
            if written is not None and amounts.quantity(written) is None:
                yield wrong(f"{place}.{kind}.{name}", QUANTITY)


def _at(values: object, dotted: str) -> Any:
    """What stands there; None when nothing does, or something on the way to it is no object."""
    for key in dotted.split("."):
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _list(values: object) -> list[Any]:
    return values if isinstance(values, list) else []
