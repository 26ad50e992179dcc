"""What users find when their server starts: packages, memory, CPU, home, and the choices they are offered. Pure.

Packages are installed by the hook that Kubernetes runs when the container starts. No shell takes part: their names reach the
installer as arguments of their own, and what could be an option, an address or a template is refused before that.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from shared.amounts import LARGEST_CORES, LEAST_CORES, memory_bytes
from shared.hubs.spec.image import Image
from shared.hubs.spec.part import Part

_VERSION = r"[0-9][A-Za-z0-9.*+!_]*"
_PIP = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
    r"(?:\[[A-Za-z0-9._-]+(?:,[A-Za-z0-9._-]+)*\])?"
    rf"(?:(?:===?|~=|!=|<=|>=|<|>){_VERSION}(?:,(?:===?|~=|!=|<=|>=|<|>){_VERSION})*)?"
)
"""Names, extras and versions of PEP 508, without addresses and markers."""
_CONDA = re.compile(
    rf"(?:[a-z0-9][a-z0-9._-]*::)?[a-z0-9_][a-z0-9._-]*(?:(?:==?|!=|<=|>=|<|>){_VERSION}(?:,(?:==?|!=|<=|>=|<|>){_VERSION})*)?"
)
"""A package, its channel before it, its version behind it, as `conda install` takes them."""
_CAPACITY = re.compile(r"[1-9]\d{0,5}(Mi|Gi|Ti)")
_PLAIN = re.compile(r"[^<>{}&\x00-\x1f\x7f]{1,200}")
"""Text for a page: JupyterHub puts it into HTML, and takes braces for templates."""

_LEAST_MEMORY = 1024**2
"""Less was meant in another unit."""

INSTALL_SECONDS = 480
"""How long the installation may take; then the server starts with what there is."""
START_SECONDS = 600
"""JupyterHub's patience with a server that installs packages first, in place of the chart's 300."""


def _fits(pattern: re.Pattern[str], says: str) -> Any:
    def check(value: str) -> str:
        if len(value) > 200 or not pattern.fullmatch(value):
            raise ValueError(says)
        return value

    return AfterValidator(check)


def _memory(value: str | int) -> str | int:
    """Kubernetes' way to write it ("1Gi") is taken, too: JupyterHub's G is as large."""
    written = value.removesuffix("i") if isinstance(value, str) and value[-2:-1] in "KMGT" else value
    if (memory_bytes(written) or 0) < _LEAST_MEMORY:
        raise ValueError('must be an amount of memory such as "512M", "1.5G" or "2Gi"')
    return written


PipPackage = Annotated[
    str,
    _fits(_PIP, 'must be a package of PyPI, with a version if need be: "matplotlib", "pandas[excel]>=2.2,<3"'),
]
CondaPackage = Annotated[
    str,
    _fits(_CONDA, 'must be a conda package, with channel and version if need be: "r-base", "conda-forge::gdal=3.10"'),
]
MemoryAmount = Annotated[str | int, AfterValidator(_memory)]
Text = Annotated[str, _fits(_PLAIN, "must be 1 to 200 characters on one line, without < > { } &")]


class Memory(Part):
    """Memory. The guarantee decides how many servers fit on a node; a server that exceeds the limit is killed."""

    guarantee: MemoryAmount | None = None
    """The memory that a server always has, such as "512M" or "2G"."""
    limit: MemoryAmount | None = None
    """The memory at which a server is killed, such as "2G"."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        guarantee, limit = memory_bytes(self.guarantee), memory_bytes(self.limit)
        if guarantee and limit and guarantee > limit:
            raise ValueError(f"guarantee {self.guarantee} is more than limit {self.limit}")
        return self


class Cpu(Part):
    """CPU, in cores: 0.5 is half of one."""

    guarantee: float | None = Field(default=None, ge=LEAST_CORES, le=LARGEST_CORES)
    """The CPU that a server always has."""
    limit: float | None = Field(default=None, ge=LEAST_CORES, le=LARGEST_CORES)
    """The most CPU that a server gets."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.guarantee and self.limit and self.guarantee > self.limit:
            raise ValueError(f"guarantee {self.guarantee:g} is more than limit {self.limit:g}")
        return self


class Profile(Part):
    """A choice on the page that starts a server. Fields that are left out are as for everybody."""

    name: Text
    """The name that people see."""
    description: Text | None = None
    """The text below the name."""
    default: bool = False
    """Chosen when the page opens."""
    image: Image | None = None
    """The image, in place of the hub's."""
    memory: Memory | None = None
    """In place of everybody's."""
    cpu: Cpu | None = None
    """In place of everybody's."""


class Environment(Part):
    """The packages in users' servers, and the resources that a server may use."""

    packages: Annotated[tuple[PipPackage, ...], Field(max_length=100)] = ()
    """Python packages, installed with pip each time a server starts."""
    conda: Annotated[tuple[CondaPackage, ...], Field(max_length=100)] = ()
    """Packages installed with mamba or conda, before those of pip."""
    memory: Memory | None = None
    """The memory of each server. Default: the chart's 1G, guaranteed."""
    cpu: Cpu | None = None
    """The CPU of each server. Default: whatever is free."""
    storage: Annotated[str, _fits(_CAPACITY, 'must be the size of a home such as "10Gi"')] | None = None
    """The size of a new user's volume. Existing volumes keep their size."""
    profiles: Annotated[tuple[Profile, ...], Field(max_length=30)] = ()
    """Choices on the page that starts a server. Default: nobody is asked."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        slugs = [re.sub(r"[^a-z0-9]+", "-", profile.name.lower()).strip("-") for profile in self.profiles]
        for slug, profile in zip(slugs, self.profiles, strict=True):
            if not slug:
                raise ValueError(f"profile {profile.name!r} needs a letter or digit in its name")
            if slugs.count(slug) > 1:
                raise ValueError(f"two profiles are named {profile.name!r}, or differ in punctuation alone")
        if sum(profile.default for profile in self.profiles) > 1:
            raise ValueError("one profile at most can be the default")
        return self


def values(environment: Environment) -> dict[str, Any]:
    """The chart's values that make it so."""
    singleuser: dict[str, Any] = {}
    if environment.memory:
        singleuser["memory"] = environment.memory.model_dump(exclude_none=True)
    if environment.cpu:
        singleuser["cpu"] = environment.cpu.model_dump(exclude_none=True)
    if environment.storage:
        singleuser["storage"] = {"capacity": environment.storage}
    if environment.profiles:
        singleuser["profileList"] = [_profile(profile) for profile in environment.profiles]
    if environment.packages or environment.conda:
        singleuser["lifecycleHooks"] = {"postStart": {"exec": {"command": _install(environment)}}}
        singleuser["startTimeout"] = START_SECONDS
    return {"singleuser": singleuser} if singleuser else {}


def _profile(profile: Profile) -> dict[str, Any]:
    """In KubeSpawner's form."""
    override: dict[str, Any] = {"image": str(profile.image)} if profile.image else {}
    for name, amounts in (("mem", profile.memory), ("cpu", profile.cpu)):
        given = amounts.model_dump(exclude_none=True) if amounts else {}
        override |= {f"{name}_{key}": value for key, value in given.items()}
    shown: dict[str, Any] = {"display_name": profile.name}
    shown |= {"description": profile.description} if profile.description else {}
    shown |= {"default": True} if profile.default else {}
    return shown | {"kubespawner_override": override}


_LOG = "/tmp/hubkeeper-packages.log"  # noqa: S108 - inside a user's own container, which nobody else enters

_INSTALLER = f"""\
import shutil, subprocess, sys, time
ends, names = time.monotonic() + float(sys.argv[1]), sys.argv[2:]
conda, pip = names[:names.index("--")], names[names.index("--") + 1:]
log = open("{_LOG}", "w")
def run(*command):
    try:
        left = max(ends - time.monotonic(), 0)
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=left)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, file=log)
if conda:
    run(shutil.which("mamba") or "conda", "install", "--yes", "--quiet", *conda)
if pip:
    run(sys.executable, "-m", "pip", "install", "--no-cache-dir", "--quiet", *pip)
"""
"""Python, which every image with JupyterHub's server in it has. It never fails: when a hook does, Kubernetes ends the container,
and a package index that is down would leave everybody without a server. No braces: KubeSpawner may take them for templates."""


def _install(environment: Environment) -> list[str]:
    """The hook's command: conda's packages, two dashes, pip's."""
    return ["python3", "-c", _INSTALLER, str(INSTALL_SECONDS), *environment.conda, "--", *environment.packages]


_PLACES = {
    "packages": ("lifecycleHooks", "postStart"),
    "conda": ("lifecycleHooks", "postStart"),
    "memory.guarantee": ("memory", "guarantee"),
    "memory.limit": ("memory", "limit"),
    "cpu.guarantee": ("cpu", "guarantee"),
    "cpu.limit": ("cpu", "limit"),
    "storage": ("storage", "capacity"),
    "profiles": ("profileList",),
}
"""Fields of an environment, and what of `values.singleuser` would say the same."""


def said_twice(
    environment: Environment, user_values: Mapping[str, Any], place: str = "values"
) -> list[tuple[str, str]]:
    """Fields that are also set in the user's own values, with their place there: one would silently win.

    place: where in the specification those values stand.
    """
    given = environment.model_dump(exclude_none=True)
    return [
        (f"environment.{field}", ".".join((place, "singleuser", *where)))
        for field, where in _PLACES.items()
        if _found(given, *field.split(".")) and _found(user_values, "singleuser", *where)
    ]


def _found(document: Any, *path: str) -> bool:
    """Whether something is there, be it null; empty lists are nothing."""
    for key in path:
        if not isinstance(document, Mapping) or key not in document:
            return False
        document = document[key]
    return document not in ((), [])
