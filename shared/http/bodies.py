"""Bodies of requests, read by the model that describes them to the API's readers as well."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import InvalidError
from shared.problem import Problem, wrong
from shared.shape import shape_problems

_NAMED = 3
"""Wrong fields that the first sentence names; all are listed after it."""


class Body(BaseModel):
    """A JSON object with these fields and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def read[B: Body](model: type[B], body: Any, what: str, code: str = "BadBody") -> B:
    """what: the model describes it, as in "is not a field of a pause". Raises InvalidError with every wrong field."""
    if not isinstance(body, dict):
        raise _bad([wrong("", "must be a JSON object", code)], code)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise _bad(shape_problems(error, model, what), code) from None


def _bad(problems: list[Problem], code: str) -> InvalidError:
    said = " ".join(_sentence(problem) for problem in problems[:_NAMED])
    more = f" And {len(problems) - _NAMED} more." if len(problems) > _NAMED else ""
    return InvalidError(Problem(code, said + more, "Correct it and ask again; nothing was changed."), problems)


def _sentence(problem: Problem) -> str:
    return f"{problem.field or 'The body'} {problem.message}" + ("" if problem.message.endswith("?") else ".")
