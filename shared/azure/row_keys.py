"""Row keys that count down with time, so that the first rows of a partition are its newest. Pure."""

import secrets
from datetime import datetime

_LAST_MILLISECOND = 10**14
_DIGITS = 14


def newest_first(moment: datetime) -> str:
    """Fourteen digits that sort later moments first, to the millisecond."""
    return _padded(_LAST_MILLISECOND - int(moment.timestamp() * 1000))


def new_key(now: datetime) -> str:
    """A key of `newest_first` with a tail of six hex digits, which keeps two of one millisecond apart."""
    return newest_first(now) + secrets.token_hex(3)


def before(moment: datetime) -> str:
    """The first key of the rows that are older than this moment by a millisecond or more."""
    return _padded(int(newest_first(moment)) + 1)


def oldest_first(key: str) -> str:
    """Fourteen digits that sort the other way round than this key does."""
    return _padded(_LAST_MILLISECOND - int(key[:_DIGITS]))


def _padded(number: int) -> str:
    return f"{number:0{_DIGITS}d}"
