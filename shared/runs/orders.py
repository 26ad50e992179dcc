"""The data that the workflow engine keeps: the inputs and answers of orchestrations and activities, as JSON.

Nothing secret is among them: the engine's history can be read.
"""

from typing import Literal, NotRequired, TypedDict


class PlannedStep(TypedDict):
    name: str
    after: list[str]


class Order(TypedDict):
    """The input of a run's orchestration. done: steps that an earlier orchestration completed.

    plan: the run's own. Orchestrations that were started before runs had one go by the plan of their kind.
    """

    run: str
    kind: str
    attempt: int
    done: list[str]
    plan: NotRequired[list[PlannedStep]]


class End(TypedDict):
    """The attempt of a run that has come to its end."""

    run: str
    attempt: int


class Crash(TypedDict):
    """A step that kept raising. type: the name of the exception's class."""

    run: str
    step: str
    type: str


class Answer(TypedDict):
    """The answer of one call of a step. after: seconds until a waiting one is to be called again."""

    state: Literal["done", "waiting", "failed", "cancelled"]
    after: float
