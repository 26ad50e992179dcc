"""What every process of a pod finds in its environment."""

import os
import sys
from pathlib import Path

from local.kubernetes.node.runtime import PodContext
from local.kubernetes.workloads.filesystem import Root
from local.world import Document

PROJECT = Path(__file__).parents[3]
INSIDE = Path(__file__).with_name("inside")
"""Files that the programs of a pod load before anything else."""

PROGRAMS = (Path(sys.executable).parent, PROJECT / "node_modules/.bin")


def component(pod: Document) -> str:
    """Which part of the chart a pod is: hub, proxy, autohttps, singleuser-server."""
    return str((pod["metadata"].get("labels") or {}).get("component", ""))


def variables(context: PodContext, root: Root, home: Path, clock: Path | None) -> dict[str, str]:
    """The container's environment, translated, over the few variables that an image would set.

    `clock` is the file of the local cloud's clock; without it the pod's programs live in real time.
    """
    system = os.environ.get("PATH", os.defpath)
    image = {
        "PATH": os.pathsep.join([*(str(folder) for folder in PROGRAMS), system]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "HOSTNAME": context.pod["metadata"]["name"],
        "PYTHONPATH": str(INSIDE),
        "LOCAL_SERVICE_ACCOUNT": str(context.service_account.resolve()),
    }
    if clock is not None:
        image["LOCAL_CLOCK"] = str(clock.resolve())
    return image | {name: root.translate(value) for name, value in context.environment.items()}


def expanded(context: PodContext, root: Root) -> list[str]:
    """The container's command line, translated."""
    words = [*(context.container.get("command") or []), *(context.container.get("args") or [])]
    for name, value in context.environment.items():
        words = [word.replace(f"$({name})", value) for word in words]
    return [root.translate(word) for word in words]
