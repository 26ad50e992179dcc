"""The signature, against other implementations: OpenSSL's and the receiver in docs/notifications.md."""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.notifications.signature import sign

KEY = "correct horse"
BODY = '{"message":"Grüße"}'.encode()
DOCS = Path(__file__).parents[2] / "docs/notifications.md"

type Genuine = Callable[[Mapping[str, str], bytes, str], bool]


def test_openssl_signs_alike() -> None:
    # printf '%s' '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'correct horse'
    expected = "5d35cfb0fa9f7413a489a6f9ba686a22b847b650b32b89dceaa130d28c7fee19"
    assert sign(KEY, 1_700_000_000, b'{"a":1}') == f"v1={expected}"


@pytest.fixture(scope="module")
def genuine() -> Genuine:
    """The check of the documented receiver, as it stands there."""
    block = re.search(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    namespace: dict[str, Any] = {"__name__": "receiver"}
    exec(block[1], namespace)  # noqa: S102 - our own documentation, so that it stays true
    found: Genuine = namespace["genuine"]
    return found


def headers(timestamp: int, key: str = KEY, body: bytes = BODY) -> dict[str, str]:
    return {"X-Hubkeeper-Timestamp": str(timestamp), "X-Hubkeeper-Signature": sign(key, timestamp, body)}


def test_the_documented_receiver_believes_us(genuine: Genuine) -> None:
    assert genuine(headers(_now()), BODY, KEY)


def test_it_believes_nobody_else(genuine: Genuine) -> None:
    now = _now()
    assert not genuine(headers(now, key="wrong"), BODY, KEY)
    assert not genuine(headers(now), BODY + b" ", KEY)
    assert not genuine(headers(now) | {"X-Hubkeeper-Timestamp": str(now + 1)}, BODY, KEY)
    assert not genuine(headers(now) | {"X-Hubkeeper-Signature": "v1=ü"}, BODY, KEY)
    assert not genuine({}, BODY, KEY)


def test_it_believes_no_old_request_sent_again(genuine: Genuine) -> None:
    assert not genuine(headers(_now() - 600), BODY, KEY)


def _now() -> int:
    return int(time.time())  # noqa: TID251 - the receiver's own clock
