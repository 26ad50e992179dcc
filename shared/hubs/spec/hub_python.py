"""Python in a hub's configuration, read without running it. Pure.

The chart loads hub.config; then it runs the files in jupyterhub_config.d, by name, and hub.extraConfig, by key. Only plain
assignments are read; anything cleverer shows when the hub runs.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from shared.hubs.spec.binder import at


class Unknown(Enum):
    """A value that shows only when the code runs."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN

FOLDER = "/usr/local/etc/jupyterhub/jupyterhub_config.d/"
"""Where the chart looks for more configuration; hub.extraFiles can put some there."""

_AUTHENTICATOR = "authenticator_class"


@dataclass(frozen=True)
class Snippet:
    """place: below the chart's values, such as "hub.extraConfig.login"."""

    place: str
    code: str


@dataclass(frozen=True)
class Assignment:
    """c.SECTION.TRAIT = value, where `value` is a literal, the dotted name of a class as text, or UNKNOWN."""

    section: str
    trait: str
    value: Any


def snippets(values: Mapping[str, Any]) -> list[Snippet]:
    """All Python of the values, in the order in which it runs."""
    files = at(values, "hub", "extraFiles")
    named = [
        (str(file.get("mountPath")), Snippet(f"hub.extraFiles.{key}.stringData", file["stringData"]))
        for key, file in files.items()
        if isinstance(file, Mapping) and isinstance(file.get("stringData"), str)
    ]
    python = [(path, snippet) for path, snippet in named if path.startswith(FOLDER) and path.endswith(".py")]
    configuration = sorted(python, key=lambda pair: pair[0])  # two may claim the same path
    extra = [
        Snippet(f"hub.extraConfig.{key}", code)
        for key, code in sorted(at(values, "hub", "extraConfig").items())
        if isinstance(code, str)
    ]
    return [*(snippet for _, snippet in configuration), *extra]


def assignments(code: str) -> Iterator[Assignment]:
    """Values that the code certainly assigns to the configuration: statements at its top level, in their order."""
    tree = _parsed(code)
    for statement in tree.body if tree else []:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if place := _configured(target):
                    yield Assignment(*place, _value(statement.value))


def chooses_authenticator(code: str) -> bool:
    """True when the code sets authenticator_class anywhere: by an assignment or a key, and not in a comment or another text."""
    tree = _parsed(code)
    return any(_names_authenticator(node) for node in ast.walk(tree)) if tree else False


def named_texts(code: str) -> Iterator[tuple[str, str]]:
    """Every text that the code gives a name: of an assignment, an argument, a key. Code that is no Python is read line by line."""
    tree = _parsed(code)
    if tree is None:
        yield from ((match[1], match[2]) for match in _LOOKS_NAMED.finditer(code))
        return
    for node in ast.walk(tree):
        yield from _named(node)


_LOOKS_NAMED = re.compile(r"""\b(\w+)["'\]]*[ \t]*[=:][ \t]*["']([^"'\n]+)""")


def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: nested beyond the parser's stack
        return None


def _configured(target: ast.expr) -> tuple[str, str] | None:
    """Section and trait of `c.Section.trait` and `c["Section"]["trait"]`."""
    trait, inner = _step(target)
    section, root = _step(inner) if inner is not None else (None, None)
    if section is None or trait is None or not isinstance(root, ast.Name) or root.id != "c":
        return None
    return section, trait


def _step(node: ast.expr) -> tuple[str | None, ast.expr | None]:
    if isinstance(node, ast.Attribute):
        return node.attr, node.value
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value, node.value
    return None, None


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name | ast.Attribute):
        return ast.unparse(node)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return UNKNOWN


def _names_authenticator(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == _AUTHENTICATOR and isinstance(node.ctx, ast.Store)
    if isinstance(node, ast.keyword):
        return node.arg == _AUTHENTICATOR
    return isinstance(node, ast.Constant) and node.value == _AUTHENTICATOR


def _named(node: ast.AST) -> Iterator[tuple[str, str]]:
    pairs: list[tuple[str | None, ast.expr | None]] = []
    if isinstance(node, ast.Assign):
        yield from _assigned([name for target in node.targets if (name := _target(target))], _texts(node.value))
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        pairs = [(_target(node.target), node.value)]
    elif isinstance(node, ast.keyword):
        pairs = [(node.arg, node.value)]
    elif isinstance(node, ast.Dict):
        pairs = [(_text(key), value) for key, value in zip(node.keys, node.values, strict=True)]
    elif isinstance(node, ast.Call) and len(node.args) >= 2:  # setattr(x, "name", "text"), setdefault("name", "text")
        pairs = [(_text(node.args[-2]), node.args[-1])]
    for name, value in pairs:
        for text in _texts(value):
            if name:
                yield name, text


def _assigned(names: list[str], texts: list[str]) -> Iterator[tuple[str, str]]:
    """Each name and each text is in a pair. Not every pair is there: thousands of either fit into one statement."""
    if names and texts:
        yield from ((names[0], text) for text in texts)
        yield from ((name, texts[0]) for name in names[1:])


def _target(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else _step(node)[0]


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _texts(node: ast.expr | None) -> list[str]:
    """The text, or those of a list of texts."""
    items = node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
    constants = (item.value for item in items if isinstance(item, ast.Constant))
    texts = (each.decode(errors="replace") if isinstance(each, bytes) else each for each in constants)
    return [text for text in texts if isinstance(text, str) and text]
