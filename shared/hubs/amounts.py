"""Memory as JupyterHub writes it: a number of bytes, or a number with K, M, G or T, each 1024 times the one before. Pure.

Source: jupyterhub.traitlets.ByteSpecification. Kubernetes' own "Gi" is not among them: it would keep the hub from starting.
"""

import re

_MEMORY = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)")
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def memory_bytes(written: object) -> int | None:
    """None for what is not an amount of memory in this form."""
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        return None
    match = _MEMORY.fullmatch(str(written))
    return int(float(match[1]) * 1024 ** _POWERS[match[2]]) if match else None
