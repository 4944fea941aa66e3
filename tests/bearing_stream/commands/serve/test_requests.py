"""Requests as clients other than ours send them."""

import codecs
import gzip
import json
import re
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bearing_stream.commands.serve.app import create_app
from bearing_stream.commands.serve.settings import ApiSettings
from model.assessor import Assessor
from tests.bearing_stream.commands.serve.conftest import (
    BINARY,
    JSON,
    PATH,
    Client,
    records,
    serving,
)

GZIP = {"Content-Encoding": "gzip"}
UTF_16 = {"Content-Type": "application/json; charset=UTF-16LE"}


@pytest.fixture(scope="module")
def window() -> NDArray[np.float32]:
    return np.random.default_rng(2).normal(size=(1, 2048)).astype(np.float32)


@pytest.fixture(scope="module")
def text(window: NDArray[np.float32]) -> str:
    return json.dumps(records(window))


@pytest.fixture(scope="module")
def expected(client: Client, text: str) -> Any:
    return client.post(PATH, content=text.encode(), headers=JSON).json()["Analysis"]


def test_compressed_bodies_are_read(
    client: Client, window: NDArray[np.float32], text: str, expected: Any
) -> None:
    compressed = gzip.compress(text.encode())
    response = client.post(PATH, content=compressed, headers=JSON | GZIP)
    assert response.json()["Analysis"] == expected
    compressed = gzip.compress(window.tobytes())
    response = client.post(PATH, content=compressed, headers=BINARY | GZIP)
    assert response.json()["Analysis"] == expected


@pytest.mark.parametrize(
    ("mark", "codec", "headers"),
    [
        (codecs.BOM_UTF8, "utf-8", JSON),
        (codecs.BOM_UTF16_LE, "utf-16-le", JSON),
        (codecs.BOM_UTF16_BE, "utf-16-be", JSON),
        (codecs.BOM_UTF32_LE, "utf-32-le", JSON),
        (b"", "utf-16-le", UTF_16),
        (codecs.BOM_UTF16_LE, "utf-16-le", UTF_16),
    ],
)
def test_json_of_a_windows_program_is_read(
    client: Client, text: str, expected: Any, mark: bytes, codec: str, headers: dict[str, str]
) -> None:
    response = client.post(PATH, content=mark + text.encode(codec), headers=headers)
    assert (response.status_code, response.json().get("Analysis")) == (200, expected)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"[]", GZIP, 400),
        (gzip.compress(b"[]", mtime=0)[:-4], GZIP, 400),
        (gzip.compress(b"[]", mtime=0) + b"more", GZIP, 400),
        (b"[]", {"Content-Encoding": "br"}, 415),
        (codecs.BOM_UTF16_LE + b"[", {}, 400),
        (b"[]", {"Content-Type": "application/json; charset=utf-16-none"}, 400),
    ],
)
def test_what_is_not_in_its_encoding_is_refused_with_the_reason(
    client: Client, body: bytes, headers: dict[str, str], status: int
) -> None:
    response = client.post(PATH, content=body, headers=JSON | headers)
    assert response.status_code == status
    assert isinstance(response.json()["detail"], str)


def test_a_bomb_is_refused_before_it_is_in_memory(client: Client) -> None:
    # 4 GB of zeros in 4 MB: after a full flush the next block does not depend on those before it.
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = start + 4096 * block + packer.flush()
    response = client.post(PATH, content=bomb, headers=BINARY | GZIP)
    assert response.status_code == 413
    assert "decompressed" in response.json()["detail"]


def test_without_the_slash_it_responds_and_does_not_redirect(client: Client, text: str) -> None:
    response = client.send("POST", "/batch_predict", content=text.encode(), headers=JSON)
    assert response.status_code == 200
    assert len(response.json()["Analysis"]) == 1


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez"])
def test_health_responds_to_get_and_head(client: Client, path: str) -> None:
    assert client.send("GET", path).status_code == client.send("HEAD", path).status_code == 200


def test_readiness_is_health_under_the_name_of_kubernetes(client: Client) -> None:
    assert client.get("/readyz").json() == client.get("/healthz").json()
    assert client.get("/livez").json() == {"status": "alive"}


def test_the_docs_load_nothing_and_show_every_path(client: Client) -> None:
    shown = client.get("/docs").text
    assert "<p></p>" not in shown.replace("\n", "")
    assert not re.findall(r"(?:src|href)=[\"'](?!openapi\.json)", shown)
    assert "POST /batch_predict/" in shown
    assert "GET /healthz" in shown
    assert "DiagnosisResponse" in shown
    assert len(shown) < 100_000
    assert client.get("/redoc").status_code == 404


def test_pages_of_other_origins_are_allowed_by_setting(assessor: Assessor) -> None:
    asked = {"Origin": "https://panel.example", "Access-Control-Request-Method": "POST"}
    allowed = {}
    for origins in ("", "https://other.example, https://panel.example", "*"):
        with serving(create_app(assessor, ApiSettings(cors_origins=origins))) as client:
            response = client.send("OPTIONS", PATH, headers=asked)
            allowed[origins] = response.headers.get("access-control-allow-origin")
    assert list(allowed.values()) == [None, "https://panel.example", "*"]
