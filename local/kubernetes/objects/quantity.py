"""Resource quantities: "500m", "1Gi", "0.5", 2."""

import re
from decimal import Decimal

_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}
_QUANTITY = re.compile(r"^([+-]?[0-9.]+)([eE][-+]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?$")
PATTERN = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
"""The expression that the server names when it refuses one."""


def parse(text: str | float) -> Decimal:
    """The number behind a quantity. Raises ValueError."""
    found = _QUANTITY.match(str(text))
    if found is None or found[1].count(".") > 1 or not any(letter.isdigit() for letter in found[1]):
        raise ValueError(f"quantities must match the regular expression '{PATTERN}'")
    suffix = found[2] or ""
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return Decimal(found[1] + suffix)
    return Decimal(found[1]) * _SUFFIXES[suffix]


def canonical(text: str | float) -> str:
    """As the server gives it back: no fractions ("0.5" becomes "500m"), else unchanged. Raises ValueError."""
    number = parse(text)
    written = str(text)
    if "." not in written:
        return written
    if number == number.to_integral_value():
        return str(int(number))
    return f"{int((number * 1000).to_integral_value(rounding='ROUND_CEILING'))}m"
