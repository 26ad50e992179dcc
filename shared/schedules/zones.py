"""Time zones by their IANA names; anything else is refused with the names that were probably meant.

Accepted are Region/City names, the older names of the same form (US/Pacific), UTC and Etc/*. Names without a slash
are not, although the database has some: EST never changes its clocks, IST means India, Ireland or Israel.
"""

import difflib
import re
from datetime import tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

REGIONS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
    | {"Etc", "Brazil", "Canada", "Chile", "Mexico", "US"}
)

MEANT = {
    "est": "America/New_York America/Toronto Australia/Sydney",
    "edt": "America/New_York America/Toronto",
    "et": "America/New_York",
    "est5edt": "America/New_York",
    "eastern": "America/New_York",
    "us eastern": "America/Indiana/Indianapolis America/New_York",
    "cst": "America/Chicago America/Mexico_City Asia/Shanghai",
    "cdt": "America/Chicago",
    "ct": "America/Chicago",
    "cst6cdt": "America/Chicago",
    "central": "America/Chicago",
    "canada central": "America/Regina",
    "mst": "America/Denver America/Phoenix",
    "mdt": "America/Denver",
    "mst7mdt": "America/Denver",
    "mountain": "America/Denver",
    "us mountain": "America/Phoenix",
    "pst": "America/Los_Angeles America/Vancouver Asia/Manila",
    "pdt": "America/Los_Angeles America/Vancouver",
    "pt": "America/Los_Angeles",
    "pst8pdt": "America/Los_Angeles",
    "pacific": "America/Los_Angeles",
    "akst": "America/Anchorage",
    "alaskan": "America/Anchorage",
    "hst": "Pacific/Honolulu",
    "hawaiian": "Pacific/Honolulu",
    "atlantic": "America/Halifax",
    "newfoundland": "America/St_Johns",
    "gmt": "Europe/London UTC",
    "bst": "Europe/London Asia/Dhaka",
    "greenwich": "Atlantic/Reykjavik Africa/Abidjan",
    "z": "UTC",
    "zulu": "UTC",
    "utc+0": "UTC",
    "ist": "Asia/Kolkata Europe/Dublin Asia/Jerusalem",
    "india": "Asia/Kolkata",
    "israel": "Asia/Jerusalem",
    "wet": "Europe/Lisbon",
    "cet": "Europe/Berlin Europe/Paris Europe/Brussels",
    "cest": "Europe/Berlin Europe/Paris",
    "met": "Europe/Berlin Europe/Brussels",
    "eet": "Europe/Helsinki Europe/Athens",
    "msk": "Europe/Moscow",
    "russian": "Europe/Moscow",
    "w. europe": "Europe/Berlin Europe/Amsterdam Europe/Rome",
    "romance": "Europe/Paris Europe/Madrid Europe/Copenhagen",
    "central europe": "Europe/Budapest Europe/Prague Europe/Vienna",
    "central european": "Europe/Warsaw Europe/Zagreb",
    "e. europe": "Europe/Chisinau",
    "gtb": "Europe/Athens Europe/Bucharest",
    "fle": "Europe/Helsinki Europe/Kyiv Europe/Riga",
    "turkey": "Europe/Istanbul",
    "south africa": "Africa/Johannesburg",
    "egypt": "Africa/Cairo",
    "middle east": "Asia/Beirut",
    "arabian": "Asia/Dubai",
    "arab": "Asia/Riyadh",
    "iran": "Asia/Tehran",
    "nepal": "Asia/Kathmandu",
    "china": "Asia/Shanghai",
    "prc": "Asia/Shanghai",
    "singapore": "Asia/Singapore",
    "jst": "Asia/Tokyo",
    "japan": "Asia/Tokyo",
    "tokyo": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "korea": "Asia/Seoul",
    "aest": "Australia/Sydney Australia/Brisbane",
    "aus eastern": "Australia/Sydney Australia/Melbourne",
    "e. australia": "Australia/Brisbane",
    "aus central": "Australia/Darwin",
    "cen. australia": "Australia/Adelaide",
    "w. australia": "Australia/Perth",
    "nz": "Pacific/Auckland",
    "nzst": "Pacific/Auckland",
    "nzdt": "Pacific/Auckland",
    "new zealand": "Pacific/Auckland",
    "pacific sa": "America/Santiago",
    "sa pacific": "America/Bogota America/Lima",
    "e. south america": "America/Sao_Paulo",
    "argentina": "America/Argentina/Buenos_Aires",
    "gb": "Europe/London",
    "eire": "Europe/Dublin",
    "cuba": "America/Havana",
}
"""What people write instead, in lower case and without "(standard|daylight|summer) time": abbreviations, Windows ids,
country names. Where one of them is used in several places, all of these are named: choosing is the person's part."""

_SUFFIX = re.compile(r"[\s_]+(standard|daylight|summer)[\s_]+time$|[\s_]+time$")

_OFFSET = re.compile(r"(utc|gmt)?\s*[+-]\s*\d.*")
"""UTC+2 has no right answer: which zone has that offset depends on the date, and Etc/GMT+2 means the opposite."""


class UnknownZoneError(ValueError):
    """Not the name of an IANA time zone. `nearest` holds up to three names that may have been meant."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nearest = nearest(name)
        hint = f"; did you mean {' or '.join(self.nearest)}?" if self.nearest else ", such as America/Los_Angeles"
        super().__init__(f"{name[:64]!r} is not an IANA time zone (Region/City){hint}")


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """The rules of a zone. Raises UnknownZoneError."""
    region, slash, _ = name.partition("/")
    if name != "UTC" and not (slash and region in REGIONS):
        raise UnknownZoneError(name)
    try:
        return ZoneInfo(name)
    except (
        ZoneInfoNotFoundError,
        ValueError,
        OSError,
    ) as error:  # OSError: a folder of the database (America/Argentina)
        raise UnknownZoneError(name) from error


def nearest(name: str) -> list[str]:
    """Up to three zone names that may have been meant by `name`, most likely first; none when nothing is near."""
    wanted = name.strip().casefold()
    meant = MEANT.get(_SUFFIX.sub("", wanted)) or MEANT.get(wanted)
    if meant:
        return meant.split()
    known = {known: known.casefold() for known in sorted(available_timezones()) if known.partition("/")[0] in REGIONS}
    if not wanted or _OFFSET.fullmatch(wanted):
        return []
    wanted = wanted.replace(" ", "_")
    same_city = [known for known, folded in known.items() if wanted in (folded, folded.rpartition("/")[2])]
    if same_city:
        return same_city[:3]
    by_fold = {folded: known for known, folded in known.items()}
    close = difflib.get_close_matches(wanted, by_fold, n=3, cutoff=0.6)
    cities = {folded.rpartition("/")[2]: known for folded, known in by_fold.items()}
    by_city = difflib.get_close_matches(wanted.rpartition("/")[2], cities, n=3, cutoff=0.75)
    return list(dict.fromkeys([by_fold[folded] for folded in close] + [cities[city] for city in by_city]))[:3]
