"""Label and field selectors, as in query strings and in objects' `selector` fields."""

import re
from collections.abc import Callable, Mapping

from local.kubernetes.objects.errors import bad_request
from local.world import Document

type Test = Callable[[Mapping[str, str]], bool]

_SET = re.compile(r"^([^\s!=,]+)\s+(in|notin)\s*\(([^)]*)\)$")
_ONE = re.compile(r"^([^\s!=,]+)\s*(==|!=|=)\s*([^\s=,]*)$")
_NAME = re.compile(r"^(!?)\s*([A-Za-z0-9][-A-Za-z0-9_./]*)$")


def _split(text: str) -> list[str]:
    """At commas outside of parentheses."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _requirement(text: str) -> Test:
    if found := _SET.match(text):
        key, operator, listed = found.groups()
        values = {value.strip() for value in listed.split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _ONE.match(text):
        key, operator, value = found.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _NAME.match(text):
        absent, key = found.groups()
        return lambda labels: (key in labels) != bool(absent)
    raise bad_request(f"unable to parse requirement: invalid label selector {text!r}")


def label_test(text: str) -> Test:
    """A test of labels for a `labelSelector`. Raises ApiError 400 when it cannot be read."""
    requirements = [_requirement(part) for part in _split(text)]
    return lambda labels: all(test(labels) for test in requirements)


def _expression(expression: Document) -> Test:
    key, operator, values = expression["key"], expression["operator"], set(expression.get("values") or [])
    tests: dict[str, Test] = {
        "In": lambda labels: labels.get(key) in values,
        "NotIn": lambda labels: labels.get(key) not in values,
        "Exists": lambda labels: key in labels,
        "DoesNotExist": lambda labels: key not in labels,
    }
    return tests[operator]


def selects(selector: Document | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector object (`matchLabels`, `matchExpressions`) selects; an empty one selects everything."""
    if selector is None:
        return False
    equal = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return equal and all(_expression(one)(labels) for one in selector.get("matchExpressions") or [])


def selector_text(selector: Document | None) -> str:
    """A LabelSelector as `kubectl` prints it and as a `scale` subresource's status holds it."""
    if not selector:
        return ""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    words = {"In": "in", "NotIn": "notin"}
    for one in selector.get("matchExpressions") or []:
        if one["operator"] in words:
            parts.append(f"{one['key']} {words[one['operator']]} ({','.join(sorted(one['values']))})")
        else:
            parts.append(one["key"] if one["operator"] == "Exists" else f"!{one['key']}")
    return ",".join(parts)


def value_at(document: Document, path: str) -> str:
    """The text of a field named with dots, "" when it is missing: the server compares fields so."""
    found: object = document
    for part in path.split("."):
        if not isinstance(found, dict):
            return ""
        found = found.get(part)
    if found is None:
        return ""
    return str(found).lower() if isinstance(found, bool) else str(found)


def field_test(text: str) -> Callable[[Document], bool]:
    """A test of objects for a `fieldSelector` ("status.phase!=Running,metadata.name=x"). Raises ApiError 400."""
    pairs: list[tuple[str, bool, str]] = []
    for part in _split(text):
        found = _ONE.match(part)
        if found is None:
            raise bad_request(f"invalid field selector {part!r}: can't understand {part!r}")
        path, operator, value = found.groups()
        pairs.append((path, operator != "!=", value))
    return lambda document: all((value_at(document, path) == value) is equal for path, equal, value in pairs)
