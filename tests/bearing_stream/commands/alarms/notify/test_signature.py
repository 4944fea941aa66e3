"""Signatures are those of Standard Webhooks."""

import base64

import pytest

from bearing_stream.commands.alarms.notify.signature import SignatureError, keys_of, signature

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""That of the vector with which the libraries of Standard Webhooks are tested."""


def test_the_vector_of_the_specification() -> None:
    found = signature(
        keys_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_rotated_both_sign() -> None:
    other = f"whsec_{base64.b64encode(bytes(32)).decode()}"
    both = signature(keys_of(f"{SECRET} {other}"), "a", 1, b"{}").split()
    assert both == [signature(keys_of(each), "a", 1, b"{}") for each in (SECRET, other)]


@pytest.mark.parametrize(
    "secret", ["whsec_!!", "hunter2", base64.b64encode(bytes(23)).decode(), "whsec_" + "A" * 88]
)
def test_another_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(SignatureError, match="expected whsec_ and 24 to 64 random bytes") as raised:
        keys_of(secret)
    assert secret not in str(raised.value)
