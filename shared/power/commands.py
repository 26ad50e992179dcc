"""The requests about a hub's power: start, stop, postpone, pause, and another schedule."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.errors import ConflictError
from shared.hubs.store import HubRecord, HubStore, known
from shared.hubs.view import actual_power
from shared.notifications.events import Kind as EventKind
from shared.notifications.notify import notify
from shared.power.due_queue import look_soon
from shared.runs.commands import BusyError, Commands
from shared.runs.model import Kind, Options, Run
from shared.schedules.decide import Decision, desired_of
from shared.schedules.model import Pause, Schedule
from shared.schedules.overrides import (
    latest_postponement,
    override_for_start,
    override_for_stop,
    since_after_edit,
)
from shared.schedules.record import Override, PowerState

TRIES = 5
"""How often something is tried again when the hub changed in between."""

_SWITCHING = (Kind.START, Kind.STOP, Kind.ROTATE)
"""Runs behind which a start or a stop can wait its turn."""


@dataclass(frozen=True)
class Asked:
    """The result of a request about power. run: None when there was nothing to switch."""

    run: Run | None
    decision: Decision


@dataclass(frozen=True)
class PowerCommands:
    commands: Commands

    @property
    def hubs(self) -> HubStore:
        return self.commands.hubs

    @property
    def now(self) -> datetime:
        return self.commands.services.clock.now()

    def start(self, name: str, duration: timedelta | None, until: datetime | None, reason: str) -> Asked:
        """Holds for the time asked and never cuts a window (rule 6). Raises OverrideError, BusyError."""
        hub = self._free(name)
        override = override_for_start(hub.spec.schedule, self.now, duration, until, self.commands.by, reason)
        return self._switch(name, Kind.START, override, Options())

    def stop(self, name: str, reason: str, *, force: bool) -> Asked:
        """Holds until the next window opens. force: nobody is waited for."""
        override = override_for_stop(self._free(name).spec.schedule, self.now, self.commands.by, reason)
        return self._switch(name, Kind.STOP, override, Options(force=force))

    def _free(self, name: str) -> HubRecord:
        """The hub, if its power can be switched: nothing may be recorded that is refused. Raises BusyError."""
        hub = self._hub(name)
        if hub.open_run:
            current = self.commands.runs.get(hub.open_run)
            if current.kind not in _SWITCHING:
                raise BusyError(
                    "RunOpen",
                    f"Hub {name} is busy with run {current.id} ({current.kind}).",
                    f"Wait until GET /api/runs/{current.id} has ended.",
                )
        elif hub.phase != "ready":
            raise self.commands.not_ready(hub)
        return hub

    def _switch(self, name: str, kind: Kind, override: Override, options: Options) -> Asked:
        """Again when others were faster: a tick, a person, a run that ended."""
        power = self.hubs.update_power(name, lambda record: replace(record, override=override))
        look_soon(self.commands.services.tables, name, self.now)
        words = override.reason or f"{kind.value} asked for by {self.commands.by}"
        for tries_left in reversed(range(TRIES)):
            hub = self._free(name)
            decision = desired_of(hub.stored_schedule, power, self.now)
            try:
                return Asked(self._run(hub, kind, words, options), decision)
            except BusyError:
                if not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _run(self, hub: HubRecord, kind: Kind, reason: str, options: Options) -> Run | None:
        """The run that does what was asked; None when it is so already."""
        if hub.open_run:
            return self._behind(hub, kind, reason, options)
        actual = next(iter(actual_power(self.commands.services, hub).values()))
        if actual == {Kind.START: "on", Kind.STOP: "off"}[kind]:
            return None
        return self.commands.begin(hub.name, kind, reason, options)

    def _behind(self, hub: HubRecord, kind: Kind, reason: str, options: Options) -> Run:
        """A start that arrives while a stop runs waits its turn, and the other way round."""
        current = self.commands.runs.get(str(hub.open_run))
        if current.kind is not kind or current.cancel_requested_by:
            return self.commands.queue(hub, kind, reason, options)
        if current.options.force or not options.force:
            return current
        # Forced by now: the run that waits for people sees it at its next look.
        forced = replace(current.options, force=True)
        return self.commands.runs.update(current.id, lambda run: replace(run, options=forced))

    def postpone(self, name: str, minutes: int) -> datetime:
        """Puts the coming stop off, up to the schedule's cap; until when. Raises BusyError when there is no stop to put off."""
        hub, now = self._hub(name), self.now
        decision = desired_of(hub.stored_schedule, hub.power, now)
        latest = latest_postponement(hub.spec.schedule, hub.power, now)
        if latest is None:
            raise BusyError(
                "NoStopToPostpone",
                f"Hub {name} has no stop to postpone: {decision.reason}",
                f"GET /api/hubs/{name}/calendar lists the planned stops; POST /api/hubs/{name}/start keeps the hub on.",
            )
        if self._too_late(hub):
            raise BusyError(
                "StopUnderWay",
                f"Hub {name} is being stopped already.",
                f"POST /api/hubs/{name}/start starts it again when it is off.",
            )
        planned = decision.until if decision.state is PowerState.ON and decision.until else now
        until = min(max(planned, now) + timedelta(minutes=minutes), latest)
        self.hubs.update_power(name, lambda record: replace(record, postponed_until=until, postponed_at=now))
        look_soon(self.commands.services.tables, name, now)
        message = f"{self.commands.by} postponed the stop of hub {name} until {until:%H:%M} UTC."
        notify(self.commands.services, name, EventKind.POSTPONED, message, by=self.commands.by, until=until)
        return until

    def _too_late(self, hub: HubRecord) -> bool:
        """True if a stop has finished waiting for people."""
        run = self.commands.runs.get(hub.open_run) if hub.open_run else None
        return run is not None and run.kind is Kind.STOP and run.step("servers").started is not None

    def set_schedule(self, name: str, schedule: Schedule | None) -> HubRecord:
        """Replaces the schedule; edges of the new one in the past make nothing happen (rule 12)."""
        for _ in range(TRIES):
            hub = self._hub(name)
            since = since_after_edit(hub.spec.schedule, schedule, hub.power, self.now)
            spec = hub.spec.model_copy(update={"schedule": schedule})
            power = replace(hub.power, schedule_since=since)
            try:
                self.hubs.save_spec(hub, spec, power)
            except ConflictError:
                continue
            look_soon(self.commands.services.tables, name, self.now)
            return self._hub(name)
        raise BusyError(
            "HubChanged",
            f"Hub {name} is being changed by somebody else.",
            f"Look at GET /api/hubs/{name} and ask again.",
        )

    def pause(self, name: str, until: datetime | None, reason: str) -> HubRecord:
        """Until then the schedule switches nothing; None ends a pause."""
        hub = self._hub(name)
        if hub.spec.schedule is None and hub.stored_schedule is not None:
            raise BusyError(
                "UnreadableSchedule",
                f"The schedule of hub {name} cannot be read, and switches nothing.",
                f"PUT /api/hubs/{name}/schedule with a corrected one.",
            )
        if hub.spec.schedule is None:
            raise BusyError("NoSchedule", f"Hub {name} has no schedule to pause.", "It is on until somebody stops it.")
        pause = Pause(until=until, reason=reason) if until else None
        return self.set_schedule(name, hub.spec.schedule.model_copy(update={"pause": pause}))

    def _hub(self, name: str) -> HubRecord:
        return known(self.hubs.get(name), name)
