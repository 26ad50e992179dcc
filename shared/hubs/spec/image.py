"""The image that users' servers run."""

from typing import Any

from pydantic import Field, model_validator

from shared.hubs.spec.part import Part


class Image(Part):
    """The single-user image: "name:tag" as a string means the same."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._/:-]*$")
    """The image's name, with its registry unless that is Docker Hub."""
    tag: str = Field(default="latest", pattern=r"^[\w][\w.-]{0,127}$")
    """The image's tag. A fixed one is better: nodes keep a `latest` that they once pulled."""

    @model_validator(mode="before")
    @classmethod
    def _from_reference(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        head, _, tail = value.rpartition(":")
        return {"name": value} if not head or "/" in tail else {"name": head, "tag": tail}

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}"
