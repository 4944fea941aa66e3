"""The probe of an address is as strict as librdkafka, and never fails itself."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from bearing_stream.kafka import probe
from bearing_stream.kafka.probe import tls_trouble
from tests.security.certificates import Authority

UNREACHABLE = ("127.0.0.1", 1)


def test_authorities_may_be_a_file_a_folder_or_those_of_the_system(tmp_path: Path) -> None:
    file = str(Authority().write(tmp_path / "ca.pem"))
    for location in (file, str(tmp_path), "probe", None):
        properties = {"ssl.ca.location": location} if location else {}
        context = probe._context(properties)
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert len(context.get_ca_certs()) == 1 or location != file


@pytest.mark.parametrize("location", ["/none/ca.pem", "/dev/null", ""])
def test_authorities_that_cannot_be_read_are_no_traceback(location: str) -> None:
    """librdkafka refuses them itself."""
    properties = {"security.protocol": "SSL", "ssl.ca.location": location}
    assert tls_trouble(UNREACHABLE, properties) is None


def test_the_authorities_of_the_system_are_those_that_librdkafka_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(Authority().write(tmp_path / "ca.pem"))
    monkeypatch.setattr(probe, "SYSTEM_AUTHORITIES", (str(tmp_path / "none.pem"), file))
    before = len(ssl.create_default_context().get_ca_certs())
    for properties in ({}, {"ssl.ca.location": "probe"}):
        assert len(probe._context(properties).get_ca_certs()) == before + 1


def test_it_is_no_stricter_than_librdkafka(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.13 and later refuse certificates without key identifiers, among others."""
    created = ssl.create_default_context

    def as_python_3_13(*arguments: Any, **more: Any) -> ssl.SSLContext:
        context = created(*arguments, **more)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", as_python_3_13)
    assert not probe._context({}).verify_flags & ssl.VERIFY_X509_STRICT
