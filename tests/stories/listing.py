"""The local cloud's listing without what is random in it, so that two hubs of one name can be compared."""

import json
import re
from typing import Any

_RANDOM = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<guid>"),
    (r"\bkubernetes-a[0-9a-f]{31}", "kubernetes-<uid>"),
    (r"\b127\.\d+\.\d+\.\d+", "<address>"),
    (r"\b20\d\d-\d\d-\d\dT[0-9:.]+Z", "<time>"),
    # The suffixes that Kubernetes makes: of a revision's hash, of what a controller names, of an endpoint slice.
    (r"(/(?:ReplicaSet|ControllerRevision)/[^\"]+)-[bcdf-hj-np-tv-z2456789]{9,10}\"", r'\1-<hash>"'),
    (r"(/Pod/[^\"]+?)(?:-[bcdf-hj-np-tv-z2456789]{9,10})?-[bcdf-hj-np-tv-z2456789]{5}\"", r'\1-<pod>"'),
    (r"(/EndpointSlice/[^\"]+)-[0-9a-f]{5}\"", r'\1-<slice>"'),
)


def normal(resources: list[dict[str, Any]]) -> list[str]:
    """A line for each resource; what exists twice is there twice."""
    lines = []
    for row in resources:
        line = json.dumps(row, sort_keys=True)
        for pattern, stands_for in _RANDOM:
            line = re.sub(pattern, stands_for, line)
        lines.append(line)
    return sorted(lines)


def difference(found: list[str], expected: list[str]) -> list[str]:
    """What one listing has and the other has not, for the message of a failure."""
    more, fewer = list(found), list(expected)
    for line in expected:
        if line in more:
            more.remove(line)
            fewer.remove(line)
    return [f"+ {line}" for line in more] + [f"- {line}" for line in fewer]


def made_once(resources: list[dict[str, Any]], hub: str) -> None:
    """Raises AssertionError when something of the hub exists twice, or is not there."""
    applications = [row for row in resources if row["kind"] == "Microsoft.Graph/applications"]
    ours = [row for row in applications if row["displayName"] == f"{hub}-sp"]
    assert [len(row["passwordCredentials"]) for row in ours] == [1], ours
    principals = [row for row in resources if row["kind"] == "Microsoft.Graph/servicePrincipals"]
    assert [row["displayName"] for row in principals].count(f"{hub}-sp") == 1
    for ending, count in (
        (f"/{hub}-rg", 1),
        (f"/virtualnetworks/{hub}-vnet", 1),
        (f"/managedclusters/{hub}", 1),
    ):
        assert sum(row["id"].lower().endswith(ending) for row in resources) == count, ending
    assert sum("/roleassignments/" in row["id"].lower() and f"/{hub}-vnet/" in row["id"] for row in resources) == 1
    secrets = {row["id"]: row["versions"] for row in resources if row["kind"] == "Microsoft.KeyVault/vaults/secrets"}
    names = ("service-principal-password", "shared-password", "ssh-private-key")
    assert {name: count for name, count in secrets.items() if name.startswith(f"{hub}--")} == {
        f"{hub}--own--{name}": 1 for name in names
    }
