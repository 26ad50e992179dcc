"""Public holidays, from the `holidays` package, which is imported when the first calendar is asked for.

Importing it takes 0.4 s, so that hubs without a holiday rule never pay for it. A calendar is kept once it is made:
holidays of a year do not change while a process lives.
"""

import difflib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any


class UnknownCalendarError(ValueError):
    """No such country, or no such subdivision of it. `nearest` holds up to three codes that may have been meant."""

    def __init__(self, what: str, nearest: list[str]) -> None:
        self.nearest = nearest
        hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        super().__init__(f"the holiday calendar does not know {what}{hint}")


def check_country(country: str) -> None:
    """Raises UnknownCalendarError unless `country` is an ISO 3166 alpha-2 code with a calendar."""
    names = _countries()
    if country not in names.values():
        raise UnknownCalendarError(f"the country {country!r} (two letters, such as US)", _nearest(country, names))


def check_subdivision(country: str, subdivision: str) -> None:
    """Raises UnknownCalendarError unless the country's calendar distinguishes this subdivision, by code or by name."""
    entity = _entity(country)
    codes = {code: code for code in entity.subdivisions} | dict(entity.subdivisions_aliases)
    if subdivision not in codes:
        near = _nearest(subdivision, codes) or ([] if len(entity.subdivisions) > 60 else list(entity.subdivisions))
        raise UnknownCalendarError(f"the subdivision {subdivision!r} of {country}", near)


@lru_cache(maxsize=512)
def holidays_of(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    """The days off work of one year by name, with the weekdays on which weekend holidays are observed.

    Empty when the package has no data for the year; see `last_year`.
    """
    return dict(_entity(country)(subdiv=subdivision, years=year, expand=False))


def last_year(country: str) -> int:
    """The last year that the package has data for."""
    return int(_entity(country).end_year)


def _entity(country: str) -> Any:
    import holidays

    return getattr(holidays, country)


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """Alpha-2 codes by every spelling: both codes and the name."""
    from holidays.registry import COUNTRIES

    spellings: dict[str, str] = {}
    for module, (_, alpha2, *others) in COUNTRIES.items():
        spellings |= dict.fromkeys((module.replace("_", " "), alpha2, *others), alpha2)
    return spellings | {"UK": "GB", "england": "GB"}


def _nearest(wanted: str, codes: Mapping[str, str]) -> list[str]:
    """Up to three codes whose spelling is like `wanted`; a spelling that differs by case alone is the only answer."""
    folded = {spelling.casefold(): code for spelling, code in codes.items()}
    wanted = wanted.strip().casefold()
    if wanted in folded:
        return [folded[wanted]]
    close = difflib.get_close_matches(wanted, folded, n=6, cutoff=0.6)
    return list(dict.fromkeys(folded[spelling] for spelling in close))[:3]
