"""NCRONTAB, the timer trigger's language: `{second} {minute} {hour} {day} {month} {day of week}`, in UTC.

It is not Unix cron, and no package on PyPI reads it as the Functions host does (NCrontab 3, CrontabField.cs): day of
month AND day of week must match, Sunday is 0 and 7 is an error, a name is known by any prefix ("M" is Monday or
March), `a/n` counts from a to the field's end, the ends of a reversed range are swapped (`22-2` is 2 to 22), and with
five fields the second is 0.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

_YEARS = 50
"""How far ahead an occurrence is looked for. 29 February on a given weekday comes at least every 40 years."""


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def parse(self, text: str) -> frozenset[int]:
        values: set[int] = set()
        for part in text.split(","):
            values |= self._part(part)
        return frozenset(values)

    def _part(self, part: str) -> set[int]:
        span, slash, step_text = part.partition("/")
        step = self._step(step_text, part) if slash else 1
        if span == "*":
            return set(range(self.low, self.high + 1, step))
        first_text, dash, last_text = span.partition("-")
        first = self._value(first_text, part)
        if dash:
            first, last = sorted((first, self._value(last_text, part)))
        else:
            last = self.high if slash else first
        return set(range(first, last + 1, step))

    def _step(self, text: str, part: str) -> int:
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"{part!r} is not a step of the {self.name} field")
        return int(text)

    def _value(self, text: str, part: str) -> int:
        value = int(text) if text.isdecimal() else self._named(text)
        if not self.low <= value <= self.high:
            raise ValueError(f"{part!r} is not in the {self.name} field's {self.low} to {self.high}")
        return value

    def _named(self, text: str) -> int:
        """The value whose name begins like this; -1, which no field has, if none does."""
        names = enumerate(self.names, self.low)
        return next((value for value, name in names if text and name.lower().startswith(text.lower())), -1)


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _DAYS),
)


@dataclass(frozen=True)
class Schedule:
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""

    @classmethod
    def parse(cls, expression: str) -> "Schedule":
        """Raises ValueError, naming the wrong part, for what the host would refuse."""
        texts = expression.split()
        if len(texts) == len(_FIELDS) - 1:
            texts = ["0", *texts]
        if len(texts) != len(_FIELDS):
            raise ValueError(f"{expression!r} has {len(texts)} fields; an NCRONTAB expression has 6")
        return cls(*(field.parse(text) for field, text in zip(_FIELDS, texts, strict=True)))

    def next(self, after: datetime) -> datetime | None:
        """The first occurrence later than `after` (aware), in UTC; None when there is none (30 February)."""
        at = after.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        limit = at.year + _YEARS
        while at.year <= limit:
            jump = self._jump(at)
            if jump is None:
                return at
            at = jump
        return None

    def _jump(self, at: datetime) -> datetime | None:
        """None when `at` is an occurrence, else the beginning of the next month, day, hour, minute or second to try."""
        if at.month not in self.months:
            first = at.replace(day=1, hour=0, minute=0, second=0)
            return first.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
        if at.day not in self.days or at.isoweekday() % 7 not in self.weekdays:
            return at.replace(hour=0, minute=0, second=0) + timedelta(days=1)
        if at.hour not in self.hours:
            return at.replace(minute=0, second=0) + timedelta(hours=1)
        if at.minute not in self.minutes:
            return at.replace(second=0) + timedelta(minutes=1)
        if at.second not in self.seconds:
            return at + timedelta(seconds=1)
        return None
