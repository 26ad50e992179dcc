"""The table of schedule cases that other systems got wrong, by their number in the survey that this project began with.

Each row: a schedule, what is on record, a moment, and what must come out. Items that need a cloud (credentials,
failed starts, concurrent writers) are tested where these are.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.schedules.record import Override, PowerState, Record
from tests.schedules.given import EVERY_DAY, OFFICE, WEEKDAYS, local, utc, window, wire

ON, OFF, LEAVE = PowerState.ON, PowerState.OFF, None
LA, BERLIN, NZ, SYDNEY = "America/Los_Angeles", "Europe/Berlin", "Pacific/Auckland", "Australia/Sydney"
SANTIAGO, BEIRUT, LORD_HOWE = "America/Santiago", "Asia/Beirut", "Australia/Lord_Howe"

OFFICE_LA = wire(LA, OFFICE)
NIGHTS = wire(BERLIN, window(WEEKDAYS, "20:00", "08:00"))


@dataclass(frozen=True)
class Case:
    id: str
    schedule: dict[str, Any] | None
    now: datetime
    state: PowerState | None
    until: datetime | None = None
    """The next change; None: not looked at."""
    record: Record = field(default_factory=Record)


def by_hand(state: PowerState, since: datetime, until: datetime) -> Record:
    return Record(Override(state, since, until, "ann", "grading", until if state is ON else None))


CASES = [
    # Time zones and clock changes
    Case("item-01-local-time-holds-in-winter", OFFICE_LA, utc("2026-01-12T16:00"), ON, utc("2026-01-13T02:00")),
    Case("item-01-local-time-holds-in-summer", OFFICE_LA, utc("2026-07-13T15:00"), ON, utc("2026-07-14T01:00")),
    Case("item-01-one-hour-off-would-show-in-summer", OFFICE_LA, utc("2026-07-14T01:00"), OFF),
    Case(
        "item-02-monday-in-new-zealand-is-sunday-in-utc",
        wire(NZ, window("mon", "08:00", "18:00")),
        utc("2026-07-05T20:00"),
        ON,
        utc("2026-07-06T06:00"),
    ),
    Case(
        "item-02-utc-monday-evening-is-tuesday-in-new-zealand",
        wire(NZ, window("mon", "08:00", "18:00")),
        utc("2026-07-06T20:00"),
        OFF,
    ),
    Case(
        "item-02-utc-thursday-is-wednesday-in-los-angeles",
        wire(LA, window("wed", "16:00", "22:00")),
        utc("2026-07-09T01:00"),
        ON,
        utc("2026-07-09T05:00"),
    ),
    Case(
        "item-05-from-in-the-spring-gap-begins-after-it",
        wire(BERLIN, window("sun", "02:30", "06:00")),
        utc("2026-03-29T01:00"),
        ON,
        utc("2026-03-29T04:00"),
    ),
    Case(
        "item-05-before-the-spring-gap-it-is-off",
        wire(BERLIN, window("sun", "02:30", "06:00")),
        utc("2026-03-29T00:51:59"),
        OFF,
        utc("2026-03-29T00:52"),
    ),
    Case(
        "item-05-to-in-the-spring-gap-ends-after-it",
        wire(BERLIN, window("sat", "22:00", "02:30")),
        utc("2026-03-29T00:59:59"),
        ON,
        utc("2026-03-29T01:00"),
    ),
    Case(
        "item-05-a-window-inside-the-gap-does-not-open",
        wire(BERLIN, window("sun", "02:10", "02:50")),
        utc("2026-03-29T01:00"),
        OFF,
        local(BERLIN, "2026-04-05T02:02"),
    ),
    Case(
        "item-05-half-an-hour-of-gap-at-lord-howe",
        wire(LORD_HOWE, window("sun", "02:15", "06:00")),
        utc("2026-10-03T15:30"),
        ON,
        utc("2026-10-03T19:00"),
    ),
    Case(
        "item-06-santiago-has-no-midnight",
        wire(SANTIAGO, window("sun", "00:00", "06:00")),
        utc("2026-09-06T04:00"),
        ON,
        utc("2026-09-06T09:00"),
    ),
    Case(
        "item-06-a-window-to-midnight-ends-where-santiago-has-none",
        wire(SANTIAGO, window("sat", "20:00", "24:00")),
        utc("2026-09-06T03:59"),
        ON,
        utc("2026-09-06T04:00"),
    ),
    Case(
        "item-06-beirut-has-no-midnight",
        wire(BEIRUT, window("sun", "00:00", "06:00")),
        utc("2026-03-28T22:00"),
        ON,
        utc("2026-03-29T03:00"),
    ),
    Case(
        "item-06-a-date-off-that-begins-without-midnight",
        wire(
            SANTIAGO,
            window("sat", "20:00", "04:00"),
            window("sun", "10:00", "12:00"),
            off=[{"from": "2026-09-06", "to": "2026-09-06"}],
        ),
        utc("2026-09-06T05:00"),
        ON,
        local(SANTIAGO, "2026-09-06T04:00"),
    ),
    Case(
        "item-06-cairo-has-no-midnight-on-friday",
        wire("Africa/Cairo", window("fri", "00:00", "03:00")),
        utc("2026-04-23T22:00"),
        ON,
        utc("2026-04-24T00:00"),
    ),
    Case(
        "item-07-from-in-the-autumn-repeat-is-the-first",
        wire(BERLIN, window("sun", "02:30", "06:00")),
        utc("2026-10-25T00:30"),
        ON,
        utc("2026-10-25T05:00"),
    ),
    Case(
        "item-07-to-in-the-autumn-repeat-is-the-second",
        wire(BERLIN, window("sat", "22:00", "02:30")),
        utc("2026-10-25T00:30"),
        ON,
        utc("2026-10-25T01:30"),
    ),
    Case(
        "item-07-between-the-repeats-nothing-closes",
        wire(BERLIN, window("sun", "02:15", "02:45")),
        utc("2026-10-25T00:50"),
        ON,
        utc("2026-10-25T01:45"),
    ),
    Case(
        "item-07-half-an-hour-repeated-at-lord-howe",
        wire(LORD_HOWE, window("sun", "01:30", "01:45")),
        utc("2026-04-04T14:50"),
        ON,
        utc("2026-04-04T15:15"),
    ),
    Case(
        "item-08-the-day-after-the-change-is-not-skipped",
        wire(BERLIN, window("mon", "00:00", "01:00")),
        local(BERLIN, "2026-03-30T00:00"),
        ON,
        local(BERLIN, "2026-03-30T01:00"),
    ),
    Case(
        "item-08-the-week-of-the-change-is-not-late",
        wire(BERLIN, window("sun", "23:30", "24:00")),
        local(BERLIN, "2026-10-25T23:30"),
        ON,
        local(BERLIN, "2026-10-26T00:00"),
    ),
    Case(
        "item-10-zones-with-dashes-and-signs-are-zones",
        wire("America/Port-au-Prince", OFFICE),
        local("America/Port-au-Prince", "2026-07-13T08:00"),
        ON,
    ),
    Case("item-10-etc-gmt+9-is-nine-hours-behind", wire("Etc/GMT+9", OFFICE), utc("2026-07-13T17:00"), ON),
    # Windows, days, overlap
    Case("item-11-across-midnight", NIGHTS, local(BERLIN, "2026-07-14T00:00"), ON, local(BERLIN, "2026-07-14T08:00")),
    Case("item-11-fridays-night-belongs-to-friday", NIGHTS, local(BERLIN, "2026-07-18T07:59"), ON),
    Case("item-11-mondays-early-hours-belong-to-sunday", NIGHTS, local(BERLIN, "2026-07-13T03:00"), OFF),
    Case(
        "item-11-fridays-night-into-a-date-off-runs-to-its-end",
        NIGHTS | {"off": [{"from": "2026-07-18", "to": "2026-07-19"}]},
        local(BERLIN, "2026-07-18T07:00"),
        ON,
        local(BERLIN, "2026-07-18T08:00"),
    ),
    Case(
        "item-12-to-24-00-includes-the-last-second",
        wire(LA, window("mon", "08:00", "24:00")),
        local(LA, "2026-07-13T23:59:59"),
        ON,
        local(LA, "2026-07-14T00:00"),
    ),
    Case(
        "item-12-to-24-00-ends-at-midnight",
        wire(LA, window("mon", "08:00", "24:00")),
        local(LA, "2026-07-14T00:00"),
        OFF,
    ),
    Case("item-12-half-open-on-at-from", OFFICE_LA, local(LA, "2026-07-13T08:00"), ON),
    Case("item-12-half-open-on-before-to", OFFICE_LA, local(LA, "2026-07-13T17:59:59"), ON),
    Case("item-12-half-open-off-at-to", OFFICE_LA, local(LA, "2026-07-13T18:00"), OFF),
    Case(
        "item-13-off-from-friday-night-to-monday-morning",
        wire(
            LA,
            window("mon", "06:00", "24:00"),
            window("tue wed thu", "00:00", "24:00"),
            window("fri", "00:00", "21:00"),
        ),
        local(LA, "2026-07-17T21:00"),
        OFF,
        local(LA, "2026-07-20T05:52"),
    ),
    Case(
        "item-13-and-on-through-the-nights-between",
        wire(
            LA,
            window("mon", "06:00", "24:00"),
            window("tue wed thu", "00:00", "24:00"),
            window("fri", "00:00", "21:00"),
        ),
        local(LA, "2026-07-14T03:00"),
        ON,
        local(LA, "2026-07-17T21:00"),
    ),
    Case(
        "item-13-a-week-that-starts-on-sunday",
        wire("Asia/Jerusalem", window("sun mon tue wed thu", "08:00", "17:00")),
        local("Asia/Jerusalem", "2026-07-12T09:00"),
        ON,
    ),
    Case(
        "item-14-overlapping-windows-are-one",
        wire(LA, window("mon", "08:00", "14:00"), window("mon", "12:00", "18:00")),
        local(LA, "2026-07-13T09:00"),
        ON,
        local(LA, "2026-07-13T18:00"),
    ),
    Case(
        "item-14-touching-windows-have-no-edge-between",
        wire(LA, window("mon", "08:00", "24:00"), window("tue", "00:00", "10:00")),
        local(LA, "2026-07-13T09:00"),
        ON,
        local(LA, "2026-07-14T10:00"),
    ),
    Case(
        "item-14-a-date-off-and-a-date-on-the-date-on-wins",
        OFFICE_LA
        | {
            "off": [{"from": "2026-12-24", "to": "2026-12-31"}],
            "on": [{"date": "2026-12-28", "from": "09:00", "to": "11:00"}],
        },
        local(LA, "2026-12-28T09:00"),
        ON,
        local(LA, "2026-12-28T11:00"),
    ),
    Case(
        "item-15-a-holiday-opens-nothing",
        OFFICE_LA | {"holidays": {"country": "US"}},
        local(LA, "2026-11-26T10:00"),
        OFF,
        local(LA, "2026-11-27T07:52"),
    ),
    Case(
        "item-15-a-holiday-of-one-subdivision-only",
        OFFICE_LA | {"holidays": {"country": "US", "subdivision": "WA"}},
        local(LA, "2026-11-27T10:00"),
        OFF,
    ),
    Case(
        "item-15-a-weekend-holiday-as-observed",
        OFFICE_LA | {"holidays": {"country": "US"}},
        local(LA, "2026-07-03T10:00"),
        OFF,
    ),
    Case(
        "item-15-a-holiday-does-not-keep-the-evening-before-on",
        NIGHTS | {"holidays": {"country": "DE"}},
        local(BERLIN, "2026-12-25T08:00"),
        OFF,
    ),
    Case(
        "item-15-the-stop-of-the-evening-before-a-holiday-happens",
        OFFICE_LA | {"holidays": {"country": "US"}},
        local(LA, "2026-11-25T18:00"),
        OFF,
    ),
    # By hand against the schedule
    Case(
        "item-16-a-start-by-hand-is-not-undone",
        OFFICE_LA,
        local(LA, "2026-07-11T14:05"),
        ON,
        local(LA, "2026-07-11T16:00"),
        by_hand(ON, local(LA, "2026-07-11T14:00"), local(LA, "2026-07-11T16:00")),
    ),
    Case(
        "item-16-a-stop-by-hand-is-not-undone",
        OFFICE_LA,
        local(LA, "2026-07-13T12:05"),
        OFF,
        local(LA, "2026-07-14T07:52"),
        by_hand(OFF, local(LA, "2026-07-13T12:00"), local(LA, "2026-07-14T08:00")),
    ),
    Case(
        "item-17-saturdays-start-ends-on-saturday",
        OFFICE_LA,
        local(LA, "2026-07-11T16:00"),
        OFF,
        local(LA, "2026-07-13T07:52"),
        by_hand(ON, local(LA, "2026-07-11T14:00"), local(LA, "2026-07-11T16:00")),
    ),
    Case(
        "item-18-a-late-wake-does-not-end-in-the-next-work-day",
        OFFICE_LA,
        local(LA, "2026-07-14T09:46"),
        ON,
        local(LA, "2026-07-14T18:00"),
        by_hand(ON, local(LA, "2026-07-13T21:45"), local(LA, "2026-07-14T09:45")),
    ),
    Case(
        "item-20-an-edit-does-not-stop-at-once",
        OFFICE_LA,
        local(LA, "2026-07-13T22:00"),
        LEAVE,
        local(LA, "2026-07-13T22:30"),
        Record(schedule_since=local(LA, "2026-07-13T22:00")),
    ),
    Case(
        "item-20-an-edit-does-not-start-at-once",
        OFFICE_LA,
        local(LA, "2026-07-13T10:10"),
        LEAVE,
        local(LA, "2026-07-13T10:30"),
        Record(schedule_since=local(LA, "2026-07-13T10:00")),
    ),
    Case(
        "item-20-after-that-it-counts",
        OFFICE_LA,
        local(LA, "2026-07-13T22:30"),
        OFF,
        local(LA, "2026-07-14T07:52"),
        Record(schedule_since=local(LA, "2026-07-13T22:00")),
    ),
    Case(
        "item-20-an-edge-soon-after-an-edit-is-acted-upon",
        OFFICE_LA,
        local(LA, "2026-07-13T18:00"),
        OFF,
        None,
        Record(schedule_since=local(LA, "2026-07-13T17:50")),
    ),
    # Missed and late
    Case("item-24-a-wake-is-not-lost-by-coming-late", OFFICE_LA, local(LA, "2026-07-13T08:11:32"), ON),
    Case("item-24-nor-by-coming-hours-late", OFFICE_LA, local(LA, "2026-07-13T13:00"), ON),
    Case("item-24-a-stop-is-not-lost-by-coming-late", OFFICE_LA, local(LA, "2026-07-13T23:00"), OFF),
    Case(
        "item-25-catching-up-does-not-start-what-has-ended",
        wire(LA, window("mon", "06:00", "09:00")),
        local(LA, "2026-07-13T15:00"),
        OFF,
    ),
    Case(
        "item-25-nor-what-somebody-has-stopped",
        OFFICE_LA,
        local(LA, "2026-07-13T15:00"),
        OFF,
        None,
        by_hand(OFF, local(LA, "2026-07-13T08:30"), local(LA, "2026-07-14T08:00")),
    ),
    Case("item-26-three-days-asleep-then-right", OFFICE_LA, local(LA, "2026-07-16T12:34:56"), ON),
    # The date line
    Case(
        "extra-apia-skipped-30-december-2011",
        wire("Pacific/Apia", window("fri", "08:00", "18:00")),
        utc("2011-12-30T10:00"),
        OFF,
        local("Pacific/Apia", "2012-01-06T07:52"),
    ),
    Case(
        "extra-apia-thursdays-night-ends-where-the-day-was-skipped",
        wire("Pacific/Apia", window("thu", "20:00", "06:00")),
        utc("2011-12-30T09:59"),
        ON,
        utc("2011-12-30T10:00"),
    ),
    Case(
        "extra-casablanca-ramadan-moves-the-hour",
        wire("Africa/Casablanca", OFFICE),
        utc("2026-02-23T08:00"),
        ON,
        utc("2026-02-23T18:00"),
    ),
    Case(
        "extra-casablanca-after-ramadan",
        wire("Africa/Casablanca", OFFICE),
        utc("2026-03-23T07:00"),
        ON,
        utc("2026-03-23T17:00"),
    ),
    Case(
        "extra-kathmandu-quarter-hours",
        wire("Asia/Kathmandu", OFFICE),
        utc("2026-07-13T02:15"),
        ON,
        utc("2026-07-13T12:15"),
    ),
    Case(
        "extra-chatham-quarter-hours",
        wire("Pacific/Chatham", OFFICE),
        utc("2026-07-12T19:15"),
        ON,
        utc("2026-07-13T05:15"),
    ),
    Case("extra-dublin-summer", wire("Europe/Dublin", OFFICE), utc("2026-07-13T07:00"), ON, utc("2026-07-13T17:00")),
    Case("extra-dublin-winter", wire("Europe/Dublin", OFFICE), utc("2026-12-14T08:00"), ON, utc("2026-12-14T18:00")),
    Case("extra-month-end", wire(SYDNEY, window(EVERY_DAY, "22:00", "02:00")), local(SYDNEY, "2026-03-01T01:00"), ON),
    Case("extra-leap-day", wire(SYDNEY, window("tue", "08:00", "18:00")), local(SYDNEY, "2028-02-29T08:00"), ON),
    Case("extra-no-schedule-is-around-the-clock", None, utc("2026-07-13T03:00"), ON),
]


REFUSED = [
    ("item-03-windows-zone-id", wire("Central European Standard Time", OFFICE), "timezone", "Europe/Warsaw"),
    ("item-03-unknown-zone-is-not-utc", wire("Mars/Olympus", OFFICE), "timezone", "not an IANA time zone"),
    ("item-04-est", wire("EST", OFFICE), "timezone", "America/New_York"),
    ("item-04-ist", wire("IST", OFFICE), "timezone", "Asia/Kolkata or Europe/Dublin or Asia/Jerusalem"),
    ("item-04-cet", wire("CET", OFFICE), "timezone", "Europe/Berlin"),
    ("item-04-et", wire("et", OFFICE), "timezone", "America/New_York"),
    ("item-04-utc+2", wire("UTC+2", OFFICE), "timezone", "such as America/Los_Angeles"),
    ("item-10-default-zone-is-never-assumed", {"windows": [OFFICE]}, "timezone", "is required"),
    ("item-12-opening-at-24-00", wire(LA, window("mon", "24:00", "08:00")), "windows[0].from", '"00:00"'),
    ("item-12-after-24-00", wire(LA, window("mon", "08:00", "24:01")), "windows[0].to", '"24:00"'),
    ("item-15-zero-length", wire(LA, window("mon", "03:00", "03:00")), "windows[0].to", "the same"),
    ("item-15-start-only", wire(LA, {"days": ["mon"], "from": "08:00"}), "windows[0].to", "is required"),
    ("item-15-unknown-country", wire(LA, OFFICE, holidays={"country": "USA"}), "holidays.country", "did you mean US"),
    (
        "item-15-unknown-subdivision",
        wire(LA, OFFICE, holidays={"country": "US", "subdivision": "Washingtom"}),
        "holidays.subdivision",
        "did you mean WA",
    ),
]


WARNED = [
    ("item-14-overlap", wire(LA, window("mon", "08:00", "14:00"), window("mon tue", "12:00", "18:00")), "Overlap"),
    ("item-14-nothing-added", wire(LA, OFFICE, window("tue", "09:00", "17:00")), "Redundant"),
    ("item-05-in-the-gap", wire(BERLIN, window("sun", "02:30", "06:00")), "ClockChange"),
    (
        "item-11-overlap-across-midnight",
        wire(LA, window("sun", "20:00", "06:00"), window("mon", "05:00", "07:00")),
        "Overlap",
    ),
    (
        "item-22-too-short-to-stop",
        wire(LA, window("mon", "08:00", "12:00"), window("mon", "12:20", "18:00")),
        "ShortGap",
    ),
]
