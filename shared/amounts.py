"""Amounts as people write them for JupyterHub and Kubernetes. Pure.

This is the one place that reads them. `kubernetes.utils.parse_quantity` is not used: its import costs 0.6 s in the request that
validates a hub, and it takes "inf", True and amounts without bound.

Whatever is given, none of it raises: None is the answer to what is no sensible amount.
"""

import re
from decimal import Decimal
from math import isfinite

LARGEST = 2**63 - 1
"""What Kubernetes can hold, of bytes or of pieces (apimachinery, resource.Quantity)."""
LEAST_CORES = 0.001
"""Kubernetes knows no smaller part of a core."""
LARGEST_CORES = 1000
"""No machine of Azure's has more; a larger number was meant for something else."""
_LONGEST = 40
"""Characters: more digits than any amount needs."""

_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMGT])")
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
_SUFFIXES = {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1)}
_SUFFIXES |= {suffix: Decimal(1000) ** power for power, suffix in enumerate(("k", "M", "G", "T", "P", "E"), start=1)}
_SUFFIXES |= {suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)}
_QUANTITY = re.compile(r"(\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE]([+-]?[0-9]{1,4})|([numkMGTPE]|[KMGTPE]i)?)")


def memory_bytes(written: object) -> int | None:
    """Memory as JupyterHub writes it: a number of bytes, or a text with K, M, G or T, each 1024 times the one before.

    Source: jupyterhub.traitlets.ByteSpecification. Kubernetes' own "Gi" is not among them: it would keep the hub from starting.
    """
    if isinstance(written, str):
        match = _MEMORY.fullmatch(written) if len(written) <= _LONGEST else None
        found = float(match[1]) * 1024 ** _POWERS[match[2]] if match else None
    else:
        found = _number(written)
    return int(found) if found is not None and found <= LARGEST else None


def cores(written: object) -> float | None:
    """Processors as JupyterHub takes them: a number, of cores; a text is none."""
    found = _number(written)
    return float(found) if found is not None and (found == 0 or LEAST_CORES <= found <= LARGEST_CORES) else None


def quantity(written: object) -> float | None:
    """An amount as Kubernetes writes it, in the unit's own measure: "250m" CPU, "8148Mi", "1e3", 2 (resource.Quantity)."""
    if isinstance(written, str):
        match = _QUANTITY.fullmatch(written) if len(written) <= _LONGEST else None
        if match is None:
            return None
        found: float | None = float(Decimal(match[1]).scaleb(int(match[2] or 0)) * _SUFFIXES[match[3] or ""])
    else:
        found = _number(written)
    return float(found) if found is not None and found <= LARGEST else None


def _number(written: object) -> float | None:
    """A number that is not negative. Integers of any length are compared as they are: many fit no float."""
    if isinstance(written, bool) or not isinstance(written, int | float):
        return None
    if isinstance(written, float) and not isfinite(written):
        return None
    return written if 0 <= written <= LARGEST else None
