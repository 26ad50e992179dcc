"""Writes the part of docs/hub.md that lists a hub's fields, from the models that validate them. --check only compares.

A field's meaning is the docstring below it, a section's that of its class; types and limits are those of the JSON schema. What is
above the mark in the page is written by hand and stays.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAliasType, get_args, get_origin

from pydantic import BaseModel

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from shared.hubs.spec.model import Hub  # noqa: E402 - the project is found through the line above

PAGE = ROOT / "docs" / "hub.md"
MARK = "<!-- Below: scripts/hub-doc.py writes it from the models. -->\n"
EXAMPLE = Hub(name="name").resolved("REGION")
"""Shows what names that are left out become."""


def main(arguments: list[str]) -> int:
    head, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        sys.exit(f"{PAGE} has no line {MARK}")
    page = head + MARK + "\n" + "\n".join(sections(Hub, "", EXAMPLE, dict(places(Hub, ""))))
    if "--check" in arguments:
        return 0 if page == PAGE.read_text(encoding="utf-8") else 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


def places(model: type[BaseModel], path: str) -> Iterator[tuple[str, str]]:
    """Models by name, each with the path of its section: of the places that it has, the first counts, and comes last here."""
    for inner, where, _ in reversed(list(children(model, path))):
        yield from places(inner, where)
    yield model.__name__, path


def children(model: type[BaseModel], path: str) -> Iterator[tuple[type[BaseModel], str, str]]:
    """The models of a model's fields: each with its path and the field. Where a field takes one of several, the path says which."""
    for name, field in model.model_fields.items():
        found = list(parts(field.annotation))
        for inner, brackets in found:
            where = f"{path}.{field.alias or name}".lstrip(".") + brackets
            yield inner, where + (f" type {_type(inner)}" if len(found) > 1 else ""), name


def _type(model: type[BaseModel]) -> str:
    """The one value that the model's field `type` can have."""
    return str(get_args(model.model_fields["type"].annotation)[0])


def sections(model: type[BaseModel], path: str, example: Any, where: dict[str, str]) -> Iterator[str]:
    """The model's table, then those of the objects in it. `path`: of the object, empty for the hub itself."""
    schema = model.model_json_schema(by_alias=True)
    yield f"## {f'`{path}`' if path else 'The hub'}"
    yield ""
    yield from [" ".join((inspect.getdoc(model) or "").split()), ""]
    yield from ["| field | type | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        wire = field.alias or name
        described = schema["properties"][wire]
        cells = (
            f"`{wire}`",
            kind(described, where),
            default(described, wire in schema.get("required", ()), getattr(example, name, None)),
            meaning(model, name),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""
    for inner, inside, name in children(model, path):
        if where[inner.__name__] == inside:
            yield from sections(inner, inside, getattr(example, name, None), where)


def parts(annotation: Any) -> Iterator[tuple[type[BaseModel], str]]:
    """The models in a type, with "[]" for those of a list."""
    if isinstance(annotation, TypeAliasType):
        yield from parts(annotation.__value__)
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation, ""
    brackets = "[]" if get_origin(annotation) in (tuple, list) else ""
    for inner in get_args(annotation):
        yield from ((model, brackets + more) for model, more in parts(inner))


def meaning(model: type[BaseModel], name: str) -> str:
    """Ends the program when a field has none."""
    text = meanings(model).get(name)
    if text is None:
        sys.exit(f"{model.__module__}.{model.__name__}.{name} has no docstring below it")
    return " ".join(text.split()).replace("|", "\\|")


@cache
def meanings(model: type[BaseModel]) -> dict[str, str]:
    """The docstrings below a model's fields, those that it inherits included."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if owner is BaseModel or not issubclass(owner, BaseModel):
            continue
        body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(owner))).body[0]
        for field, following in zip(getattr(body, "body", []), getattr(body, "body", [])[1:], strict=False):
            is_field = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            if is_field and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                found[field.target.id] = str(following.value.value)
    return found


def kind(described: dict[str, Any], where: dict[str, str]) -> str:
    """A field's type in words."""
    if choices := described.get("anyOf") or described.get("oneOf"):
        kinds = [kind(each, where) for each in choices if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "$ref" in described:
        path = where[described["$ref"].rpartition("/")[2]]
        return f"[object](#{re.sub(r'[^a-z-]', '', path.lower().replace(' ', '-'))})"
    if "const" in described or "enum" in described:
        return ", ".join(f"`{value}`" for value in described.get("enum", [described.get("const")]))
    if described.get("type") == "array":
        return f"list of {kind(described['items'], where)}"
    return _plain(described)


def _plain(described: dict[str, Any]) -> str:
    formats = {"date": 'date, "2026-12-24"', "date-time": "time with its offset, RFC 3339"}
    if described.get("format") in formats:
        return formats[described["format"]]
    words = {
        "integer": "whole number",
        "string": "string",
        "boolean": "true or false",
        "number": "number",
        "object": "object",
    }
    word = words[described["type"]]
    if described.get("examples"):
        word += f', "{described["examples"][0]}"'
    low, high = described.get("minimum"), described.get("maximum")
    return f"{word}, {low:g} to {high:g}" if low is not None and high is not None else word


def default(described: dict[str, Any], required: bool, example: Any) -> str:
    if required:
        return "required"
    value = described.get("default", example)
    if value == "":
        value = example
    if isinstance(value, BaseModel):
        return "its defaults"
    if value is None:
        return "not given"
    if value in ((), [], {}):
        return "empty"
    return f"`{value}`" if not isinstance(value, bool) else f"`{str(value).lower()}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
