"""The controller of CronJobs."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from local.kubernetes.controllers.control import Control, controller_of, owner_reference, parse, stamp
from local.kubernetes.objects.errors import ApiError
from local.kubernetes.objects.kinds import CRON_JOB, JOB
from local.kubernetes.objects.store import clone, meta
from local.world import Document

_COMPONENT = "cronjob-controller"
_NAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_HORIZON = timedelta(days=366)
"""So far a schedule is followed into the future: one that fires less than yearly is not foreseen."""


def _numbers(text: str, least: int, most: int) -> set[int]:
    """The values of one field: "*", "*/5", "1-5", "1,3", "2-10/2". Raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        start, end = (least, most) if span == "*" else (int(first), int(last) if dash else int(first))
        if step and span != "*" and not dash:
            end = most
        if not least <= start <= end <= most:
            raise ValueError(f"{part} is outside of {least}-{most}")
        found.update(range(start, end + 1, int(step or 1)))
    return found


class Schedule:
    """A schedule of five fields, in minutes of local time. Raises ValueError when it cannot be read."""

    def __init__(self, text: str, zone: str) -> None:
        fields = _NAMES.get(text, text).split()
        if len(fields) != 5:
            raise ValueError(f"expected exactly 5 fields, found {len(fields)}: [{text}]")
        parsed = [_numbers(field, *bounds) for field, bounds in zip(fields, _RANGES, strict=True)]
        self._minutes, self._hours, self._days, self._months, weekdays = parsed
        self._weekdays = {day % 7 for day in weekdays}
        # When both are restricted, either is enough: as in every cron.
        self._either = fields[2] != "*" and fields[4] != "*"
        self._zone = ZoneInfo(zone)

    def _matches(self, moment: datetime) -> bool:
        day, weekday = moment.day in self._days, moment.isoweekday() % 7 in self._weekdays
        return (
            moment.minute in self._minutes
            and moment.hour in self._hours
            and moment.month in self._months
            and (day or weekday if self._either else day and weekday)
        )

    def after(self, seconds: float) -> float | None:
        """The first time later than `seconds` (both since 1970), or None when it is too far away."""
        moment = datetime.fromtimestamp(seconds, UTC).replace(second=0, microsecond=0)
        end = moment + _HORIZON
        while moment < end:
            moment += timedelta(minutes=1)
            local = moment.astimezone(self._zone)
            if local.hour not in self._hours:
                moment += timedelta(minutes=59 - local.minute)
                continue
            if self._matches(local):
                return moment.timestamp()
        return None


def reconcile_cron_jobs(control: Control) -> None:
    for cron_job in control.store.all(CRON_JOB):
        if not meta(cron_job).get("deletionTimestamp"):
            _reconcile(control, cron_job)


def _reconcile(control: Control, cron_job: Document) -> None:
    spec = cron_job["spec"]
    jobs = [job for job in control.store.all(JOB) if controller_of(job) == meta(cron_job)["uid"]]
    running = [job for job in jobs if "completionTime" not in job["status"] and not job["status"].get("conditions")]
    _forget(control, jobs, running, spec)
    status: Document = {**cron_job["status"], "active": [_reference(job) for job in running]}
    if not running:
        del status["active"]
    if not spec["suspend"] and (due := _due(control, cron_job)) is not None:
        status["lastScheduleTime"] = stamp(due)
        if spec["concurrencyPolicy"] == "Forbid" and running:
            message = "Not starting job because prior execution is running and concurrency policy is Forbid"
            control.event(cron_job, "JobAlreadyActive", message, _COMPONENT)
        else:
            for job in running if spec["concurrencyPolicy"] == "Replace" else []:
                _delete(control, job)
            _start(control, cron_job, due)
    control.set_status(CRON_JOB, cron_job, status)


def _due(control: Control, cron_job: Document) -> float | None:
    """The latest time at which the job should have started and did not; of several missed times one counts."""
    spec = cron_job["spec"]
    last = cron_job["status"].get("lastScheduleTime") or meta(cron_job)["creationTimestamp"]
    try:
        schedule = Schedule(spec["schedule"], spec.get("timeZone", "UTC"))
    except (ValueError, KeyError) as error:
        control.event(cron_job, "UnparseableSchedule", f"unparseable schedule: {error}", _COMPONENT, warning=True)
        return None
    now, due = control.seconds(), None
    following = schedule.after(parse(last))
    while following is not None and following <= now:
        due, following = following, schedule.after(following)
    if following is not None:
        control.wake_at(following)
    deadline = spec.get("startingDeadlineSeconds")
    return None if due is None or (deadline is not None and now - due > deadline) else due


def _start(control: Control, cron_job: Document, due: float) -> None:
    held, template = meta(cron_job), clone(cron_job["spec"]["jobTemplate"])
    metadata = template.get("metadata") or {}
    metadata.update(name=f"{held['name'][:52]}-{int(due) // 60}", ownerReferences=[owner_reference(cron_job)])
    try:
        body = {"metadata": metadata, "spec": template["spec"]}
        job = control.registry.create(JOB, held["namespace"], body)
    except ApiError as error:
        control.event(cron_job, "FailedCreate", f"Error creating job: {error.message}", _COMPONENT, warning=True)
    else:
        control.event(cron_job, "SuccessfulCreate", f"Created job {meta(job)['name']}", _COMPONENT)


def _forget(control: Control, jobs: list[Document], running: list[Document], spec: Document) -> None:
    """Keeps as many ended jobs as the history limits say."""
    ended = [job for job in jobs if job not in running]
    ended.sort(key=lambda job: str(meta(job)["creationTimestamp"]))
    succeeded = [job for job in ended if "completionTime" in job["status"]]
    failed = [job for job in ended if job not in succeeded]
    for group, limit in ((succeeded, "successfulJobsHistoryLimit"), (failed, "failedJobsHistoryLimit")):
        for job in group[: max(0, len(group) - spec[limit])]:
            _delete(control, job)


def _delete(control: Control, job: Document) -> None:
    if not meta(job).get("deletionTimestamp"):
        control.registry.delete(JOB, meta(job)["namespace"], meta(job)["name"], {"propagationPolicy": "Background"})


def _reference(job: Document) -> Document:
    held = meta(job)
    names = ("name", "namespace", "uid", "resourceVersion")
    return {"apiVersion": "batch/v1", "kind": "Job", **{name: held[name] for name in names}}
