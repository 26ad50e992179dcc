"""What all parts of a hub's specification are made of."""

from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from shared import names, references
from shared.references import Reference


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


KEPT_IN_VAULT = (
    "must be secret://NAME, with the secret itself in Key Vault: PUT /api/hubs/{name}/secrets/NAME stores it there, "
    "before the hub is made or after"
)


class SecretReference(str):
    """A field whose value is a secret of the hub: "secret://NAME", while the secret is in Key Vault alone."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Under which people keep the secret."""
        return self.removeprefix(references.SCHEME)

    @property
    def reference(self) -> Reference:
        return Reference(self.name)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls._read, core_schema.str_schema())

    @classmethod
    def _read(cls, value: str) -> "SecretReference":
        """Repeats nothing of a value that is no reference: it may be the secret itself.

        Reserved names are refused where a request is checked (shared.hubs.spec.validation): a hub stored earlier stays readable.
        """
        name = value.removeprefix(references.SCHEME)
        if name == value or names.SECRET.problem(name):
            raise ValueError(KEPT_IN_VAULT)
        return cls(value)
