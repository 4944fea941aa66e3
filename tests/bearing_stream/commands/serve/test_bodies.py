"""Any body is diagnosed or refused with a reason; none makes the service fail."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bearing_stream.commands.serve.conftest import BINARY, JSON, PATH, Client

GOOD = [float(index % 5) for index in range(2048)]

ARBITRARY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["record", "id"]) | st.text(max_size=3), inner, max_size=3
        )
    ),
    max_leaves=20,
)

SAMPLE: st.SearchStrategy[Any] = (
    st.integers()
    | st.floats()
    | st.integers(10**300, 10**320)
    | st.sampled_from([None, True, "1", [], [1.0], {}, 1e39, -1e39, float("nan")])
)


def errors_of(client: Client, body: bytes, headers: dict[str, str] = JSON) -> list[Any]:
    response = client.post(PATH, content=body, headers=headers)
    assert response.status_code == 422, response.text
    detail: list[Any] = response.json()["detail"]
    assert all(error["msg"] and error["loc"][0] == "body" for error in detail)
    return detail


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ARBITRARY_JSON | st.lists(ARBITRARY_JSON | st.just({"record": GOOD}), max_size=3))
def test_any_json_gets_a_response(client: Client, sent: Any) -> None:
    response = client.post(PATH, content=json.dumps(sent), headers=JSON)
    good = isinstance(sent, list) and all(item == {"record": GOOD} for item in sent)
    assert response.status_code == (200 if good else 422)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=100), st.sampled_from([JSON, BINARY]))
def test_any_bytes_get_a_response(client: Client, body: bytes, headers: dict[str, str]) -> None:
    empty = (body == b"" and headers is BINARY) or body.strip(b" \t\n\r") == b"[]"
    expected = 200 if empty else 422
    assert client.post(PATH, content=body, headers=headers).status_code in (expected, 422)


@settings(max_examples=100, deadline=None)
@given(SAMPLE, st.integers(0, 2047), st.integers(0, 2))
def test_a_bad_sample_is_named(client: Client, sample: Any, place: int, index: int) -> None:
    sent: list[dict[str, Any]] = [{"record": list(GOOD)} for _ in range(3)]
    sent[index]["record"][place] = sample
    response = client.post(PATH, content=json.dumps(sent), headers=JSON)
    number = isinstance(sample, int | float) and not isinstance(sample, bool)
    limit = float(np.finfo(np.float32).max)
    if number and -limit <= sample <= limit:
        assert response.status_code == 200
    else:
        assert response.status_code == 422
        (error,) = response.json()["detail"]
        assert error["loc"] == ["body", index, "record", place]


@pytest.mark.parametrize("length", [0, 1, 2047, 2049, 4096])
def test_a_record_of_another_length_is_named(client: Client, length: int) -> None:
    sent = [{"record": GOOD}, {"record": [0.5] * length}, {"record": GOOD}]
    (error,) = errors_of(client, json.dumps(sent).encode())
    assert error["loc"] == ["body", 1, "record"]
    assert "2048" in error["msg"]


def test_each_bad_record_is_named(client: Client) -> None:
    sent = [{"record": GOOD}, {}, {"record": "x"}, 5, {"record": GOOD}]
    detail = errors_of(client, json.dumps(sent).encode())
    assert [error["loc"][1] for error in detail] == [1, 2, 3]


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_named(client: Client, literal: str) -> None:
    good = json.dumps(GOOD)
    bad = good.replace("4.0", literal, 1)
    (error,) = errors_of(client, f'[{{"record": {good}}}, {{"record": {bad}}}]'.encode())
    assert error["loc"] == ["body", 1, "record", 4]


def test_a_long_list_of_errors_is_cut(client: Client) -> None:
    assert len(errors_of(client, json.dumps([{}] * 10_000).encode())) == 100


def test_an_incomplete_binary_window_is_named(client: Client) -> None:
    (error,) = errors_of(client, bytes(3 * 8192 + 5), BINARY)
    assert error["loc"] == ["body", 3]
    assert "8192" in error["msg"]


def test_a_binary_sample_that_is_not_finite_is_named(client: Client) -> None:
    windows = np.tile(np.asarray(GOOD, "<f4"), (4, 1))
    windows[1, 17], windows[3, 2047] = np.nan, np.inf
    detail = errors_of(client, windows.tobytes(), BINARY)
    assert [error["loc"] for error in detail] == [["body", 1, 17], ["body", 3, 2047]]


def test_the_largest_finite_samples_are_diagnosed(client: Client) -> None:
    window = np.full(2048, np.finfo(np.float32).max, "<f4")
    window[::2] /= -3
    assert client.post(PATH, content=window.tobytes(), headers=BINARY).status_code == 200


@pytest.mark.parametrize("level", [0.0, -2.5])
def test_a_flat_line_is_named(client: Client, level: float) -> None:
    sent = [{"record": GOOD}, {"record": [level] * 2048}]
    (error,) = errors_of(client, json.dumps(sent).encode())
    assert (error["type"], error["loc"]) == ("flat_line", ["body", 1, "record"])
    binary = np.array([GOOD, [level] * 2048], "<f4").tobytes()
    (error,) = errors_of(client, binary, BINARY)
    assert (error["type"], error["loc"]) == ("flat_line", ["body", 1])


@pytest.mark.parametrize("kind", ["text/csv", "application/x-www-form-urlencoded", "", "json"])
def test_another_content_type_is_refused(client: Client, kind: str) -> None:
    response = client.post(PATH, content=b"[]", headers={"Content-Type": kind})
    assert response.status_code == 415
    assert "application/octet-stream" in response.json()["detail"]
