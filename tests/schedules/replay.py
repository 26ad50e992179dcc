"""What is replayed: in zones with every kind of clock, a schedule with every kind of window, and the oracle's truth."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import holidays

from shared.schedules.decide import desired
from shared.schedules.model import Schedule
from shared.schedules.record import PowerState, Record
from tests.schedules import oracle
from tests.schedules.given import WEEKDAYS, window, wire

LEAD = 8
"""Minutes: what the product takes for a hub that was never started."""

ZONES = {
    "Africa/Cairo": (2026, "EG"),  # from midnight into Friday
    "Africa/Casablanca": (2026, "MA"),  # back an hour for Ramadan
    "America/Havana": (2026, "CU"),  # 00:00 does not exist, and comes twice
    "America/Los_Angeles": (2026, "US"),
    "America/New_York": (2026, "US"),
    "America/Santiago": (2026, "CL"),  # 00:00 does not exist
    "America/Sao_Paulo": (2018, "BR"),  # 00:00 did not exist, until 2019
    "America/St_Johns": (2026, "CA"),
    "Antarctica/Troll": (2026, "NO"),  # two hours at once
    "Asia/Beirut": (2026, "LB"),  # 00:00 does not exist
    "Asia/Kathmandu": (2026, "NP"),  # +05:45
    "Asia/Tehran": (2021, "IR"),  # 00:00 did not exist, until 2022
    "Atlantic/Azores": (2026, "PT"),
    "Australia/Lord_Howe": (2026, "AU"),  # half an hour
    "Australia/Sydney": (2026, "AU"),
    "Europe/Berlin": (2026, "DE"),
    "Europe/Dublin": (2026, "IE"),  # winter time is the exception
    "Europe/London": (2026, "GB"),
    "Pacific/Apia": (2011, "WS"),  # 30 December 2011 did not happen
    "Pacific/Chatham": (2026, "NZ"),  # +12:45
}


def everything(zone: str) -> dict[str, Any]:
    """Windows of every kind, some of them across the hours at which clocks change."""
    year, country = ZONES[zone]
    return wire(
        zone,
        window(WEEKDAYS, "08:07", "18:00"),
        window("fri thu", "20:00", "02:30"),
        window("sat", "22:45", "24:00"),
        window("sun", "00:00", "00:30"),
        window("sun sat", "02:15", "02:45"),
        window("wed", "18:40", "23:00"),
        window("tue", "18:15", "18:50"),
        window("sun", "01:45", "01:50"),
        holidays={"country": country},
        off=[{"from": f"{year}-08-03", "to": f"{year}-08-16"}, {"from": f"{year}-10-30", "to": f"{year}-10-30"}],
        on=[
            {"date": f"{year}-08-08", "from": "21:00", "to": "01:30"},
            {"date": f"{year}-12-25", "from": "09:00", "to": "13:00"},
            {"date": f"{year}-10-25", "from": "02:30", "to": "02:29"},
        ],
    )


@cache
def days_off(country: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, years=range(year - 1, year + 3)))


class Replay:
    """Some days of one zone: the schedule, and for every minute whether the hub is usable and whether the power is on."""

    def __init__(self, zone: str, start: datetime, days: int) -> None:
        year, country = ZONES[zone]
        self.start, self.days, self.minutes = start, days, days * 1440
        described = everything(zone)
        self.schedule = Schedule.model_validate(described)
        self.usable = oracle.usable(described, set(days_off(country, year)), start, self.minutes + 1440)
        self.power = oracle.power(self.usable, LEAD)

    def decided(self) -> bytearray:
        """For every minute whether the product wants power, asked only when it said that the answer may change."""
        states = bytearray(self.minutes)
        minute = 0
        while minute < self.minutes:
            decision = desired(self.schedule, Record(), oracle.at(self.start, minute))
            assert decision.until
            until = min(oracle.minute_of(self.start, decision.until), self.minutes)
            assert until > minute
            states[minute:until] = bytes([decision.state is PowerState.ON]) * (until - minute)
            minute = until
        return states

    def promised(self) -> list[tuple[int, PowerState]]:
        """The coming switches, by the oracle: when the hub becomes usable, and when the power goes."""
        edges: list[tuple[int, PowerState]] = []
        for begin, end in oracle.runs(self.power):
            edges += [(self.usable.find(1, begin), PowerState.ON), (end, PowerState.OFF)]
        return [edge for edge in edges if 0 < edge[0] < self.minutes]


@cache
def year_of(zone: str) -> Replay:
    return Replay(zone, datetime(ZONES[zone][0], 2, 1, tzinfo=UTC), 366)


def changes_of(zone: str) -> list[datetime]:
    """The midnights (UTC) before the clock of a zone changed in its year."""
    start = datetime(ZONES[zone][0], 2, 1, tzinfo=UTC)
    midnights = [start + timedelta(days=number) for number in range(366)]
    walls = [oracle.wall_steps(zone, midnight, 1)[0] for midnight in midnights]
    return [midnights[n] for n in range(365) if walls[n + 1] - walls[n] != 1440]
