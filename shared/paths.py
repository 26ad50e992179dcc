"""Where something stands in nested JSON, as people read it: `values.hub.extraEnv[0].value`. Pure."""

from collections.abc import Iterable


def under(place: str, part: int | str) -> str:
    """The place of what is at this key, or at this index, of what is at `place`; the whole document is at ""."""
    if isinstance(part, int):
        return f"{place}[{part}]"
    return f"{place}.{part}" if place else part


def path(parts: Iterable[int | str]) -> str:
    """The same from the top, by keys and indices."""
    place = ""
    for part in parts:
        place = under(place, part)
    return place
