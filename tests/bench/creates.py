"""Our own share of a create: operations in Azure take no time, so what is left is ours.

Measured from just before the request is sent until the step `release` has ended. The step after it, in which the hub itself starts,
is left out; everything else counts, the emulator's answering of each call included.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from shared.runs.model import Run
from tests.bench.lab import Lab, lab
from tests.bench.rows import Row

LIMIT = 3.0
"""Seconds."""
CREATES = 5
LAST = "release"


@dataclass(frozen=True)
class Measured:
    total: float
    begins: dict[str, float]
    """Seconds after the request, by step."""
    lengths: dict[str, float]
    hops: list[float]
    """Seconds from the end of the last step that a step comes after until its own beginning."""
    calls: Counter[str]
    """To the cloud, by service."""
    processor: dict[str, float]
    """Seconds of processor time, the hub's own start included, by part."""


def create_overhead() -> list[Row]:
    with lab(speed=0) as place:
        first = _measure(place, "bench0")
        warm = [_measure(place, f"bench{number}") for number in range(1, CREATES + 1)]
    calls = ", ".join(f"{count} {service}" for service, count in warm[-1].calls.most_common())
    total = median(each.total for each in warm)
    rows = [
        Row(
            "create_overhead",
            total,
            "s",
            limit=LIMIT,
            note=f"request to end of {LAST}, median of {CREATES}; calls: {calls}",
        ),
        Row(
            "create_overhead_first",
            first.total,
            "s",
            note=f"in a fresh process, which imports the SDKs; {_slowest(first)}",
        ),
    ]
    rows += [_step_row(name, warm) for name in warm[0].lengths]
    rows += [_processor_row(part, warm) for part in warm[0].processor]
    hops = [hop for each in warm for hop in each.hops]
    return [
        *rows,
        Row("each_hop", median(hops) * 1000, "ms", note="from the end of a step to the beginning of the next"),
    ]


def _measure(place: Lab, name: str) -> Measured:
    place.cloud.control.clear_requests()
    before = place.processor()
    asked, run_id = place.create(name)
    run = place.ended(run_id)
    spent = {part: seconds - before[part] for part, seconds in place.processor().items()}
    found = measured(asked, run, place.cloud.control.requests(), spent)
    place.teardown(name)
    return found


def measured(asked: datetime, run: Run, calls: Iterable[dict[str, str]], processor: dict[str, float]) -> Measured:
    begins, ends = {}, {}
    for step in run.steps:
        if step.started and step.ended:
            begins[step.name] = (step.started - asked).total_seconds()
            ends[step.name] = (step.ended - asked).total_seconds()
    hops = [begins[step.name] - max(ends[name] for name in step.after) for step in run.plan if step.after]
    counted = [step.name for step in run.plan if ends[step.name] <= ends[LAST]]
    services = Counter(call["service"] for call in calls if _since(asked, call["time"]) <= ends[LAST])
    lengths = {name: ends[name] - begins[name] for name in counted}
    return Measured(ends[LAST], begins, lengths, hops, services, processor)


def _since(asked: datetime, time: str) -> float:
    return (datetime.fromisoformat(time) - asked).total_seconds()


def _step_row(name: str, creates: list[Measured]) -> Row:
    begins = median(each.begins[name] for each in creates)
    return Row(
        f"create_overhead.{name}", median(each.lengths[name] for each in creates), "s", note=f"begins at {begins:.2f} s"
    )


def _slowest(create: Measured) -> str:
    slowest = sorted(create.lengths.items(), key=lambda item: -item[1])[:3]
    return ", ".join(
        [f"{name} {seconds:.1f} s" for name, seconds in slowest] + [f"processor {create.processor['host']:.1f} s"]
    )


def _processor_row(part: str, creates: list[Measured]) -> Row:
    value = median(each.processor[part] for each in creates)
    return Row(f"create_processor.{part}", value, "s", note="processor time of a whole create")
