"""What a hub's schedule is: the fixed form of the wire, checked so far as one look at it can tell.

What needs the present time, or is legal but probably not meant, is said by `lint`.
"""

from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, PydanticKnownError
from pydantic_core.core_schema import ValidationInfo

from shared.schedules import holidays, zones
from shared.schedules.days import Days
from shared.schedules.fields import DAY, DAYS, Day, Instant, Note, TimeOfDay

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _refused(code: str, message: object) -> PydanticCustomError:
    """A refusal with a code that programs can rely on."""
    return PydanticCustomError(code, "{message}", {"message": str(message)})


def _at_most(count: int) -> BeforeValidator:
    """So many items, counted before any of them is looked at: a body has room for thousands of wrong ones."""

    def check(value: object) -> object:
        if isinstance(value, list | tuple) and len(value) > count:
            found = {"field_type": "Tuple", "max_length": count, "actual_length": len(value)}
            raise PydanticKnownError("too_long", found)
        return value

    return BeforeValidator(check)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class _Hours(_Model):
    """Half-open [opens, closes) in local time; it belongs to the day it opens on and may cross midnight."""

    opens: TimeOfDay = Field(alias="from")
    """The time from which the hub is usable."""
    closes: TimeOfDay = Field(alias="to")
    """The time from which the hub may be stopped. If it is not later than `from`, it is on the next day."""

    @field_validator("opens")
    @classmethod
    def _opens_within_its_day(cls, opens: int) -> int:
        if not 0 <= opens < DAY:
            raise ValueError('a window cannot open at "24:00": write "00:00" of the day after')
        return opens

    @field_validator("closes")
    @classmethod
    def _closes_later(cls, closes: int, info: ValidationInfo) -> int:
        if not 0 <= closes <= DAY:
            raise ValueError('the last time of a day is "24:00"')
        if closes == info.data.get("opens"):
            raise _refused("zero_length", '"from" and "to" are the same; for a whole day write "00:00" to "24:00"')
        return closes

    @property
    def length(self) -> int:
        """Minutes on the clock's face from `opens` to `closes`, which is on the next day where it is not later."""
        return self.closes - self.opens if self.closes > self.opens else self.closes - self.opens + DAY


class Window(_Hours):
    """Hours that repeat every week."""

    days: Annotated[tuple[Weekday, ...], Field(max_length=7), _at_most(7)]
    """The days on which the window opens."""

    @field_validator("days")
    @classmethod
    def _once_each_in_order(cls, days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
        if not days:
            raise _refused("no_days", 'name at least one day, such as "mon"')
        return tuple(sorted(set(days), key=DAYS.index))


class DateOn(_Hours):
    """Hours on one date, which override everything else: an exam on a Saturday, a holiday or a date off."""

    day: Day = Field(alias="date")
    """The date on which the hours begin."""


class DatesOff(_Model):
    """Dates on which no weekly window opens, both ends included."""

    first: Day = Field(alias="from")
    """The first date off."""
    last: Day = Field(alias="to")
    """The last date off. For a single day it is the same as `from`."""

    @field_validator("last")
    @classmethod
    def _in_order(cls, last: date, info: ValidationInfo) -> date:
        first = info.data.get("first")
        if first and last < first:
            raise _refused("out_of_order", f'"to" is before "from" ({first.isoformat()}); both dates are included')
        return last


class HolidayRule(_Model):
    """Public holidays of a country, with those of one of its subdivisions; observed days included."""

    country: Annotated[str, Field(max_length=64)]
    """The country's ISO 3166 alpha-2 code."""
    subdivision: Annotated[str, Field(max_length=64)] | None = None
    """The subdivision's code or name, as the `holidays` package has it."""

    @field_validator("country")
    @classmethod
    def _known_country(cls, country: str) -> str:
        try:
            holidays.check_country(country)
        except holidays.UnknownCalendarError as error:
            raise _refused("unknown_country", error) from error
        return country

    @field_validator("subdivision")
    @classmethod
    def _known_subdivision(cls, subdivision: str | None, info: ValidationInfo) -> str | None:
        if subdivision is not None and "country" in info.data:
            try:
                holidays.check_subdivision(info.data["country"], subdivision)
            except holidays.UnknownCalendarError as error:
                raise _refused("unknown_subdivision", error) from error
        return subdivision


class Pause(_Model):
    """The schedule does not act until a time: a hub that is on stays on, one that is off stays off.

    Starts and stops by hand work, and end as usual. (To be off on some dates, use `off`; to be on, use `on`, or start the
    hub by hand.)
    """

    until: Instant
    """The time at which the schedule acts again."""
    reason: Note = ""
    """The reason, which is shown while nothing is switched."""


class Schedule(_Model):
    """The hours in which a hub is on. Local times are in `timezone`."""

    timezone: Annotated[str, Field(max_length=64)]
    """The IANA name of the time zone, such as America/Los_Angeles."""
    windows: Annotated[tuple[Window, ...], Field(max_length=100), _at_most(100)]
    """The hours of each week. Windows that touch or overlap are one."""
    holidays: HolidayRule | None = None
    """Public holidays, on which no window opens. Default: holidays are days like any other."""
    off: Annotated[tuple[DatesOff, ...], Field(max_length=400), _at_most(400)] = ()
    """Dates off, such as a break between terms."""
    on: Annotated[tuple[DateOn, ...], Field(max_length=400), _at_most(400)] = ()
    """Dates on, such as exams. They override holidays and dates off."""
    pause: Pause | None = None
    """Suspends the schedule until a time (POST /api/hubs/{name}/pause)."""
    stop_when_idle: Annotated[StrictInt, Field(ge=10, le=24 * 60)] | None = None
    """The minutes without activity after which the hub stops, outside its windows. Default: it does not stop."""
    warn_minutes: Annotated[StrictInt, Field(ge=0, le=120)] = 15
    """The minutes before a stop at which users are warned. 15 leave time to finish a cell and save."""
    grace: Annotated[StrictInt, Field(ge=0, le=60)] = 10
    """The minutes that a stop waits, each time, for a hub that is busy or does not answer."""
    max_postpone: Annotated[StrictInt, Field(ge=0, le=12 * 60)] = 120
    """The most minutes by which users and busy notebooks together can postpone one stop."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, timezone: str) -> str:
        try:
            zones.zone(timezone)
        except zones.UnknownZoneError as error:
            raise _refused("unknown_zone", error) from error
        return timezone

    @cached_property
    def days(self) -> Days:
        """The dates in order, worked out once."""
        return Days(self)

    def __copy__(self) -> Self:
        return _without_days(super().__copy__())

    def __deepcopy__(self, checkpoint: dict[int, Any] | None = None) -> Self:
        return _without_days(super().__deepcopy__(checkpoint))


def _without_days[S: Schedule](copied: S) -> S:
    """What pydantic has copied with all that was worked out; `model_copy` puts its update in afterwards."""
    copied.__dict__.pop("days", None)
    return copied
