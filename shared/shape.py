"""What is wrong with the shape of a request: pydantic's complaints as problems, in our words. Pure."""

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError

from shared import paths
from shared.problem import INVALID, Problem, wrong

_WORDS = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
}


_CODES = {"missing": "Missing", "extra_forbidden": "UnknownField", "value_error": INVALID, "literal_error": INVALID}


def shape_problems(error: ValidationError, model: type[BaseModel], what: str) -> list[Problem]:
    """Pydantic's errors by the names on the wire, without the values that were sent. The first unknown fields come with a guess.

    what: the model describes it, as in "is not a field of a hub".
    """
    found, guesses = [], _MOST_GUESSES
    for item in error.errors(include_url=False, include_input=False):
        unknown = item["type"] == "extra_forbidden"
        guesses -= unknown
        hint = _hint(str(item["loc"][-1]), _fields_at(model, item["loc"][:-1])) if unknown and guesses >= 0 else ""
        message = f"is not a field of {what}{hint}" if unknown else _message(item)
        found.append(wrong(paths.path(item["loc"]), message, _code(str(item["type"]))))
    return found


def _code(kind: str) -> str:
    """In CamelCase, as all codes are: pydantic's kind of error, or one that a model of ours gave."""
    if kind in _CODES:
        return _CODES[kind]
    if kind in _WORDS or kind.endswith("_type"):
        return "WrongType"
    return "".join(word.capitalize() for word in kind.split("_"))


def _message(item: Any) -> str:
    kind = str(item["type"])
    if kind == "value_error":
        return str(item["ctx"]["error"])
    if kind == "literal_error":
        return f"must be {item['ctx']['expected']}"
    if kind == "string_pattern_mismatch":
        return f"does not fit the pattern {item['ctx']['pattern']}"
    return _WORDS.get(kind) or _lower(str(item["msg"]))


_MOST_GUESSES = 20
"""A guess compares a name with every known one, and names them all where none is near; a body has room for thousands."""
_LONGEST_GUESSED = 64
"""Characters. No field is half as long, so that none is near a longer name."""


def _hint(name: str, known: list[str]) -> str:
    near = _nearest(name, known) if len(name) <= _LONGEST_GUESSED else []
    return f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(sorted(set(known)))}"


def _nearest(name: str, known: list[str]) -> list[str]:
    plain = name.lower().replace("_", "").replace("-", "")
    return difflib.get_close_matches(name, known, n=1, cutoff=0.5) or difflib.get_close_matches(
        plain, known, n=1, cutoff=0.5
    )


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The wire names of the fields where an unknown one was found; of all kinds, where there are several."""
    current = [model]
    for part in location:
        if not isinstance(part, int):
            fields = [f for each in current for n, f in each.model_fields.items() if part in (n, f.alias)]
            current = [inner for field in fields for inner in _inner_models(field.annotation)]
    return [field.alias or name for each in current for name, field in each.model_fields.items()]


def _inner_models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _inner_models(part)]


def _lower(message: str) -> str:
    said = message.removeprefix("Input ").removesuffix(".")
    return said[:1].lower() + said[1:]
