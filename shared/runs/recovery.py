"""Advice after a run that did not succeed, in words for the person who asked for it. Pure.

A hub that people may have worked in is never proposed for deletion: only a create that failed before its hub answered is told to
begin again, since nothing of anybody's can be in it.
"""

from dataclasses import dataclass

from shared.runs.model import Kind, Run, StepStatus

_ANSWERS = "usable"
"""The step of a create after which people are let in."""


@dataclass(frozen=True)
class Advice:
    """How to remove a cause, and what else there is.

    text: whole sentences, before the retry. retry: what follows the words "retry the run", such as " in an hour".
    create, patch: what another specification says, as the object of "with": for a create that failed, and for a hub that is on.
    once: a retry alone cannot help, where there is another specification to ask for.
    """

    text: str
    retry: str = ""
    create: str = ""
    patch: str = ""
    once: bool = False


def worded(advice: Advice, hub: str, kind: Kind, *, unused: bool) -> str:
    """The advice as sentences, with what can follow a run of this kind. unused: nobody can have worked in the hub."""
    other = _other(advice, hub, kind, unused=unused)
    if other and advice.once:
        return f"{advice.text} {_capital(other)}."
    retry = f"retry the {'teardown' if kind is Kind.TEARDOWN else 'run'}{advice.retry}"
    first = _capital(retry) if advice.retry else f"Then {retry}"
    return f"{advice.text} {first}; or {other}." if other else f"{advice.text} {first}."


_PATCHED = (Kind.UPGRADE, Kind.STOP, Kind.ROTATE)
"""Kinds after which a PATCH can help. A PATCH of a hub that does not start begins with the same start."""


def _other(advice: Advice, hub: str, kind: Kind, *, unused: bool) -> str:
    """Another way than a retry, from its verb on; empty where there is none."""
    if kind is Kind.CREATE and unused and advice.create:
        return begin_again(hub, advice.create)
    if kind in _PATCHED and advice.patch:
        return f"PATCH /api/hubs/{hub} with {advice.patch}"
    return ""


def begin_again(hub: str, changed: str) -> str:
    """The way to another specification after a create that failed, and after no other run. changed: as the object of "with"."""
    return f"send DELETE /api/hubs/{hub}?confirm={hub}, and then POST /api/hubs with {changed}"


def otherwise(hub: str, changed: str) -> str:
    """The same as a sentence."""
    return f"{_capital(begin_again(hub, changed))}."


def unused(run: Run, step: str) -> bool:
    """True if the failure of this step means that nobody can have worked in the hub: a create lets people in at its end."""
    if run.kind is not Kind.CREATE:
        return False
    needs = {each.name: each.after for each in run.plan}
    reached, ahead = set[str](), [_ANSWERS]
    while ahead:
        name = ahead.pop()
        reached.add(name)
        ahead += needs.get(name, ())
    return step in reached


def never_answered(run: Run) -> bool:
    """True if the run is a create whose hub has let nobody in so far."""
    return run.kind is Kind.CREATE and run.step(_ANSWERS).status is not StepStatus.SUCCEEDED


def overdue(kind: Kind) -> str:
    """For a step that did not end in time, though nothing was refused."""
    if kind is Kind.TEARDOWN:
        return "Look in the Azure portal for what blocks the deletion and remove it. Then retry the teardown."
    return "Look in the Azure portal for what blocks it and remove it. Then retry the run."


def cancelled(run: Run) -> str:
    """For a run that somebody cancelled."""
    if run.kind is Kind.TEARDOWN:
        return "Retry the run to finish the teardown."
    if never_answered(run):
        return f"Retry the run to continue, or send DELETE /api/hubs/{run.hub}?confirm={run.hub} to delete what it created."
    return "Retry the run to continue."


def incomplete(run: Run) -> str:
    """For a request to a hub whose create or teardown, `run`, has not succeeded."""
    if not run.status.ended:
        return f"Wait until GET /api/runs/{run.id} has succeeded."
    if run.kind is Kind.CREATE:
        return f"GET /api/runs/{run.id} says why. POST /api/runs/{run.id}/retry continues it; ask again when it has succeeded."
    return f"GET /api/runs/{run.id} shows how far it is."


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
