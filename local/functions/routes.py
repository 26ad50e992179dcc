"""HTTP routes as the Functions host matches them: ASP.NET Core route templates, ordered by specificity.

Sources: WebJobsRouteBuilder.RouteComparison (azure-webjobs-sdk-extensions) for the order; for methods
WebScriptHostHttpRoutesManager (azure-functions-host, 2026): GET brings HEAD with it, HEAD elsewhere is 405, any other
method that no route of the path takes is 404.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

_CONSTRAINTS = {
    "int": r"[+-]?\d{1,10}",
    "long": r"[+-]?\d{1,19}",
    "alpha": r"[a-zA-Z]+",
    "bool": r"(?i:true|false)",
    "guid": r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}",
    "required": r".+",
}
_PARAMETER = re.compile(
    r"\{(?P<star>\*{0,2})(?P<name>\w+)(?P<constraints>(?::[^:{}?=]+)*)"
    r"(?P<optional>\?)?(?:=(?P<default>[^}]*))?\}"
)


@dataclass(frozen=True)
class Route:
    function: str
    template: str
    """With the route prefix, without a leading slash."""
    methods: frozenset[str]
    pattern: re.Pattern[str]
    defaults: dict[str, str]
    order: tuple[tuple[int, str, int], ...]

    def parameters(self, path: str) -> dict[str, str] | None:
        """The route's parameters in this path (decoded, no outer slashes), None when it does not match."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        return self.defaults | {name: value for name, value in found.groupdict().items() if value}


@dataclass(frozen=True)
class Match:
    """What answers a request: a function, or (function None) a bare `status` with the methods that are `allowed`."""

    function: str | None
    parameters: dict[str, str] = field(default_factory=dict)
    status: int = 404
    allowed: tuple[str, ...] = ()


def route(function: str, template: str, methods: Sequence[str], prefix: str) -> Route:
    """Raises ValueError for a template that this host cannot read."""
    full = "/".join(part for part in (prefix.strip("/"), (template or function).strip("/")) if part)
    allowed = {method.upper() for method in methods}
    if "GET" in allowed:
        allowed.add("HEAD")
    pattern, defaults, order = "", dict[str, str](), []
    for segment in full.split("/"):
        text, rank, default = _segment(segment)
        pattern += text
        order.append(rank)
        defaults |= default
    compiled = re.compile(pattern.removeprefix("/"), re.IGNORECASE)
    return Route(function, full, frozenset(allowed), compiled, defaults, (*order, (2, "", 0)))


def _segment(segment: str) -> tuple[str, tuple[int, str, int], dict[str, str]]:
    """A segment's regular expression (with its slash before it), its place in the order, its parameters' defaults."""
    pattern, position, defaults, constrained = "", 0, dict[str, str](), 0
    found = list(_PARAMETER.finditer(segment))
    for parameter in found:
        pattern += re.escape(segment[position : parameter.start()])
        name, position = parameter["name"], parameter.end()
        constraints = [part for part in parameter["constraints"].split(":") if part]
        constrained = constrained or len(constraints)
        if parameter["default"]:
            defaults[name] = parameter["default"]
        pattern += _parameter(name, constraints, rest=bool(parameter["star"]))
    pattern += re.escape(segment[position:])
    if "{" in segment[position:] or "}" in segment[position:]:
        raise ValueError(f"the route segment {segment!r} is not one this host can read")
    first = found[0] if found and found[0].start() == 0 else None
    rank = (1, "", -constrained) if first else (0, segment.lower(), 0)
    omitted = first and (first["optional"] or first["default"] or first["star"])
    return (f"(?:/{pattern})?" if omitted else f"/{pattern}"), rank, defaults


def _parameter(name: str, constraints: list[str], *, rest: bool) -> str:
    unknown = [constraint for constraint in constraints if constraint not in _CONSTRAINTS]
    if unknown:
        known = ", ".join(_CONSTRAINTS)
        raise ValueError(f"route constraint {unknown[0]!r} is not known to this host; it knows {known}")
    checks = "".join(rf"(?=(?:{_CONSTRAINTS[constraint]})(?:/|$))" for constraint in constraints)
    return f"{checks}(?P<{name}>{'.*' if rest else '[^/]+?'})"


def ordered(routes: Sequence[Route]) -> list[Route]:
    """Literal segments before parameters, constrained parameters before free ones, longer before shorter."""
    return sorted(sorted(routes, key=lambda each: each.function.lower()), key=lambda each: each.order)


def decoded(raw_path: bytes) -> str:
    """A request's path as routes see it: unescaped but for %2F, which stays within its segment."""
    return "/".join(
        "%2F".join(unquote(piece) for piece in re.split("%2f", segment, flags=re.IGNORECASE))
        for segment in raw_path.decode("ascii", "replace").split("/")
    ).strip("/")


def match(routes: Sequence[Route], method: str, path: str) -> Match:
    """`routes` in order; `path` as `decoded` gives it."""
    others: set[str] = set()
    for each in routes:
        parameters = each.parameters(path)
        if parameters is None:
            continue
        if method in each.methods:
            return Match(each.function, parameters)
        others |= each.methods
    if method == "HEAD" and others:
        return Match(None, status=405, allowed=tuple(sorted(others)))
    return Match(None)
