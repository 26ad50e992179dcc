"""What all parts of a hub's specification are made of."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
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


def _reference(value: str) -> str:
    """Says nothing of the value: it may be the secret itself."""
    name = value.removeprefix(REFERENCE)
    if name == value or names.SECRET.problem(name):
        raise ValueError(
            "must be secret://NAME, with the secret itself in Key Vault: PUT /api/hubs/{name}/secrets/NAME stores it there, "
            "before the hub is made or after"
        )
    if name in names.OWN_SECRETS:
        raise ValueError(f"{name} is a secret of Hubkeeper's own; keep yours under another name")
    return value


SecretReference = Annotated[str, AfterValidator(_reference)]
"""A secret of the hub, which is in Key Vault alone."""
