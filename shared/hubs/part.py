"""What all parts of a hub's specification are made of."""

from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from shared import names


class Part(BaseModel):
    """Fields are camelCase on the wire; unknown ones are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


def follows(rule: names.Rule) -> Any:
    """A string that keeps a naming rule; the rule's own sentence is the complaint."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and (problem := rule.problem(value)):
            raise ValueError(problem)
        return value

    return BeforeValidator(check)


REFERENCE = "secret://"
"""What a string begins with that names a secret of the hub instead of holding it."""
