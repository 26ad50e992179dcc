"""The small part of OData's $filter that ARM's listings understand."""

import re
from collections.abc import Callable

from local.azure.arm.store import type_of
from local.azure.arm.wire import Json, same, wrapped

_TERM = re.compile(r"\s*(\w+)\s+(eq|ne)\s+'((?:[^']|'')*)'\s*", re.IGNORECASE)
_SUBSTRING = re.compile(r"\s*substringof\(\s*'([^']*)'\s*,\s*name\s*\)\s*", re.IGNORECASE)


def compile_filter(text: str, allowed: set[str]) -> Callable[[Json], bool]:
    """Terms joined by `and`, about the fields in `allowed` (lower case). Raises Refusal (400) for anything else."""
    terms = [_term(part, allowed) for part in re.split(r"\s+and\s+", text.strip())] if text.strip() else []
    tags = {field: value for field, _, value in terms if field in ("tagname", "tagvalue")}
    others = [term for term in terms if term[0] not in tags]

    def matches(body: Json) -> bool:
        return _tagged(body, tags) and all(_holds(body, *term) for term in others)

    return matches


def equals(text: str, field: str) -> str | None:
    """The value of `field eq 'value'` inside a filter."""
    found = re.search(rf"\b{field}\s+eq\s+'((?:[^']|'')*)'", text, re.IGNORECASE)
    return found[1].replace("''", "'") if found else None


def subnets_of(cluster: Json) -> set[str]:
    """Ids of the subnets that a managed cluster's pools are in."""
    pools = cluster["properties"].get("agentPoolProfiles") or []
    return {pool["vnetSubnetID"] for pool in pools if pool.get("vnetSubnetID")}


def _term(text: str, allowed: set[str]) -> tuple[str, str, str]:
    found = _TERM.fullmatch(text)
    if found and found[1].lower() in allowed:
        return found[1].lower(), found[2].lower(), found[3].replace("''", "'")
    found = _SUBSTRING.fullmatch(text)
    if found and "name" in allowed:
        return "name", "substring", found[1]
    raise wrapped(400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query string.")


def _tagged(body: Json, wanted: dict[str, str]) -> bool:
    tags = {name.lower(): value for name, value in (body.get("tags") or {}).items()}
    if "tagname" in wanted and wanted["tagname"].lower() not in tags:
        return False
    if "tagvalue" not in wanted:
        return True
    if "tagname" in wanted:
        return bool(tags[wanted["tagname"].lower()] == wanted["tagvalue"])
    return wanted["tagvalue"] in tags.values()


def _holds(body: Json, field: str, comparison: str, value: str) -> bool:
    actual = _field(body, field)
    if comparison == "substring":
        return value.lower() in actual.lower()
    return same(actual, value) is (comparison == "eq")


def _field(body: Json, field: str) -> str:
    if field == "resourcetype":
        return type_of(body["id"])
    if field == "resourcegroup":
        return str(body["id"].split("/")[4])
    return str(body.get(field) or "")
