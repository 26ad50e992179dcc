"""How a receiver knows that an event comes from here, is unchanged, and is not an old one sent again. Pure."""

import hmac

VERSION = "v1"


def sign(key: str, timestamp: int, body: bytes) -> str:
    """The header X-Hubkeeper-Signature: HMAC-SHA256, in hexadecimal, of timestamp, a full stop, and the body as sent.

    timestamp: seconds since 1970, UTC, as X-Hubkeeper-Timestamp says them; signed with the body, so that whoever
    replays a request cannot make it look young.
    """
    signed = str(timestamp).encode() + b"." + body
    return f"{VERSION}={hmac.digest(key.encode(), signed, 'sha256').hex()}"
