"""Lifecycle hooks of users' containers, as far as they can do no harm outside a container."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from local.kubernetes.node.runtime import PodContext
from local.kubernetes.workloads.filesystem import Root

HARMLESS = frozenset({"cp", "echo", "mkdir", "touch", "true"})
"""Programs that change nothing but the files named on their command line."""

TIME_LIMIT = 10.0
"""Real seconds for a hook."""


async def post_start(context: PodContext, root: Root, variables: Mapping[str, str], log: Path) -> None:
    """Runs the container's postStart command, or notes in its log why not."""
    hook = ((context.container.get("lifecycle") or {}).get("postStart") or {}).get("exec") or {}
    command: list[str] = hook.get("command") or []
    if not command:
        return
    translated = [root.translate(word) for word in command]
    if not is_harmless(translated, root.folder):
        _note(log, f"postStart is not run in the local cloud: {command[0]} could touch what is not the pod's")
        return
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *translated, env=dict(variables), cwd=variables["HOME"], stdout=output, stderr=output
        )
    try:
        code = await asyncio.wait_for(process.wait(), TIME_LIMIT)
    except TimeoutError:
        process.kill()
        code = await process.wait()
    if code != 0:
        _note(log, f"postStart ended with {code}: {command[0]}")


def is_harmless(command: list[str], folder: Path) -> bool:
    """Whether a translated command stays within the container's own folder."""
    outside = [word for word in command[1:] if ".." in word or "/" in word.removeprefix(f"{folder}/")[:1]]
    options = [word for word in command[1:] if word.startswith("-") and "/" in word]
    return command[0].rpartition("/")[2] in HARMLESS and not outside and not options


def _note(log: Path, message: str) -> None:
    with log.open("a") as output:
        output.write(f"{message}\n")
