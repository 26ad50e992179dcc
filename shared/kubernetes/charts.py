"""Which versions of a chart a repository offers: its index, read by HTTP."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.errors import NotFoundError, PermanentError
from shared.kubernetes.errors import REPOSITORY, repository_error, unreachable

_TIMEOUT = (5.0, 30.0)  # seconds to connect, seconds without a byte


@dataclass(frozen=True)
class ChartVersion:
    version: str
    app_version: str
    kube_version: str
    """The chart's own condition, like ">=1.28.0-0"; empty: none."""
    dependencies: Mapping[str, str] = field(default_factory=dict)
    """Charts that it holds, with their versions: BinderHub's holds JupyterHub's."""


def versions(repository: str, chart: str) -> list[ChartVersion]:
    """Newest first, development versions included. Raises NotFoundError for an unknown chart or repository."""
    return parse(_index(repository), chart)


def load_yaml(text: bytes | str) -> Any:
    """Raises yaml.YAMLError. With libyaml where it is there: the index of hub.jupyter.org is more than a megabyte."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders


def parse(index: bytes, chart: str) -> list[ChartVersion]:
    import yaml

    try:
        document = load_yaml(index)
        entries = document["entries"].get(chart)
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        raise PermanentError(REPOSITORY, "NotAnIndex", "the repository's index.yaml is not a chart index") from None
    if not entries:
        raise NotFoundError(REPOSITORY, "ChartNotFound", f"the repository has no chart {chart}")
    return newest_first(_read(entry) for entry in entries)


def _read(entry: Mapping[str, Any]) -> ChartVersion:
    return ChartVersion(
        str(entry["version"]),
        str(entry.get("appVersion", "")),
        str(entry.get("kubeVersion", "")),
        {str(held["name"]): str(held.get("version", "")) for held in entry.get("dependencies") or []},
    )


def newest_first(found: Iterable[ChartVersion]) -> list[ChartVersion]:
    return sorted(found, key=lambda chart: precedence(chart.version), reverse=True)


def precedence(version: str) -> tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]:
    """A key that sorts versions as semver.org section 11 says; text that is no version comes first.

    `packaging` refuses the pre-releases of chart repositories, and `semver` the "v" and whatever is no version: both would need
    as much code around them as this.
    """
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?", version)
    if not match:
        return (-1,), False, ()
    numbers = tuple(int(part) for part in match.groups()[:3])
    parts = match[4].split(".") if match[4] else []
    # Numbers rank below words; a release ranks above its own pre-releases.
    return numbers, not parts, tuple((not p.isdigit(), int(p) if p.isdigit() else 0, p) for p in parts)


def _index(repository: str) -> bytes:
    import requests

    try:
        answer = requests.get(f"{repository.rstrip('/')}/index.yaml", timeout=_TIMEOUT)
    except requests.RequestException as error:
        raise unreachable(REPOSITORY, error) from None
    if answer.status_code != 200:
        raise repository_error(answer.status_code)
    return answer.content
