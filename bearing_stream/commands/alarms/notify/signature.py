"""Signatures of webhooks: Standard Webhooks 1.0.0, symmetric (`v1`).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

PREFIX: Final = "whsec_"

SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""


class SignatureError(Exception):
    """A secret is none of Standard Webhooks; the message does not repeat it."""


def keys_of(secrets: str) -> list[bytes]:
    """Return the keys of one secret, or of several with white space between.

    Args:
        secrets: Each is base64 of 24 to 64 bytes; the prefix `whsec_` may be left out.

    Raises:
        SignatureError: One of them is something else.
    """
    keys = []
    for each in secrets.split():
        try:
            key = base64.b64decode(each.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not SHORTEST <= len(key) <= LONGEST:
            raise SignatureError(
                f"signing_secret: expected {PREFIX} and {SHORTEST} to {LONGEST} random bytes in "
                f"base64, such as from: echo {PREFIX}$(openssl rand -base64 32)"
            )
        keys.append(key)
    return keys


def signature(keys: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header `webhook-signature`, with a signature for each key.

    Args:
        keys: Of the secrets that are valid now.
        message_id: The header `webhook-id`, the same in every attempt; without a full stop.
        timestamp: The header `webhook-timestamp`: seconds since the epoch of this attempt.
        body: As it is sent.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.new(key, content, sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
