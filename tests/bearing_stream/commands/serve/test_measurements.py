"""Records of any length at any rate, where the request states the rate."""

import gzip
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bearing_stream import sampling
from bearing_stream.commands.serve.measurements import read_json_measurements
from bearing_stream.commands.serve.responses import Analyst, RequestedRecords
from bearing_stream.recordings.synthetic import bearings
from model.assessor import Assessor
from tests.bearing_stream.commands.serve.conftest import BINARY, PATH, Client

SIGNAL = bearings(1)[0].windows(0, 24).reshape(-1)


def url(rate: float, **more: str) -> str:
    return PATH + "?" + "&".join(f"{k}={v}" for k, v in {"sampling_rate": rate, **more}.items())


@pytest.mark.parametrize("rate", [12_000, 25_600, 48_000, 51_200])
@pytest.mark.parametrize("form", ["json", "binary", "gzip"])
def test_a_measurement_has_one_result_which_is_that_of_its_samples(
    client: Client, assessor: Assessor, rate: int, form: str
) -> None:
    samples = SIGNAL[:rate].astype(np.float32)
    sent: dict[str, Any] = {"json": [{"record": samples.tolist()}]}
    if form != "json":
        sent = {"content": samples.tobytes(), "headers": BINARY}
    if form == "gzip":
        sent = {
            "content": gzip.compress(samples.tobytes()),
            "headers": BINARY | {"Content-Encoding": "gzip"},
        }
    response = client.post(url(rate, unit="g"), **sent)
    assert response.status_code == 200, response.text
    [result] = response.json()["Analysis"]
    windows = sampling.windows(samples, rate).samples
    counts = np.array([len(windows)])
    expected = assessor.assess(windows, np.full(1, np.nan), [""], counts)
    assert list(result["Probabilities"].values()) == pytest.approx(
        expected.probabilities[0].tolist(), abs=1e-5
    )
    assert result["Windows"] == len(windows) > 3
    assert result["Indicators"]["rms"] == pytest.approx(float(windows.std()), rel=1e-3)
    assert result["Indicators"]["velocity_rms"] > 0


def test_defects_at_the_own_rate_of_a_record_are_flagged(client: Client) -> None:
    """Resampling hides both: the sensor is clipped, or held a level for 20 ms."""
    samples = SIGNAL[:40_000].astype(np.float32)
    dropped = samples.copy()
    dropped[3000:3500] = dropped[3000]
    level = 0.5 * np.abs(samples).max()
    records = [samples, np.clip(samples, -level, level), dropped]
    found = client.post(url(25_600), json=[{"record": each.tolist()} for each in records])
    results = found.json()["Analysis"]
    reasons = [set(result["Reasons"]) & {"clipping", "dropout"} for result in results]
    assert reasons == [set(), {"clipping"}, {"dropout"}]


def test_records_of_several_lengths_have_a_result_each_in_order(client: Client) -> None:
    lengths = (2048, 10_000, 4096, 30_000)
    records = [{"record": SIGNAL[:length].tolist(), "id": 1} for length in lengths]
    together = client.post(url(12_000), json=records).json()["Analysis"]
    assert [result["Windows"] for result in together] == [1, 4, 2, 14]
    alone = [client.post(url(12_000), json=[one]).json()["Analysis"][0] for one in records]
    for result, other in zip(together, alone, strict=True):
        assert result["Probabilities"] == pytest.approx(other["Probabilities"], abs=1e-5)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_record_is_never_split_among_threads(assessor: Assessor, threads: int) -> None:
    lengths = (2048 * 70, 2048, 2048 * 30, 2048 * 2)
    signal = np.tile(SIGNAL, 3)
    body = str([{"record": signal[:length].tolist()} for length in lengths]).replace("'", '"')
    records = read_json_measurements(body.encode(), 12_000)
    [results] = Analyst(assessor, False, threads).analyse([RequestedRecords(records, "", np.nan)])
    assert [result["Windows"] for result in results] == [70, 1, 30, 2]


def test_a_window_that_does_not_vary_is_left_out_and_flagged(client: Client) -> None:
    samples = SIGNAL[: 3 * 2048].copy()
    samples[2048:4096] = 1
    [result] = client.post(url(12_000, unit="g"), json=[{"record": samples.tolist()}]).json()[
        "Analysis"
    ]
    assert (result["Windows"], result["Reasons"]) == (2, ["dropout", "unknown-machine"])
    assert result["Indicators"]["velocity_rms"] is None


FLAT: NDArray[np.float32] = np.ones(48_000, np.float32)


@pytest.mark.parametrize(
    ("samples", "kind", "message"),
    [
        (SIGNAL[:8188], "too_short", "8189 samples or more at 48000 Hz; got 8188"),
        (FLAT, "flat_line", "no window varies"),
        (np.append(SIGNAL, np.inf), "finite_number", "finite samples"),
    ],
)
def test_an_invalid_measurement_is_refused_with_its_index(
    client: Client, samples: NDArray[Any], kind: str, message: str
) -> None:
    response = client.post(
        url(48_000), content=samples.astype(np.float32).tobytes(), headers=BINARY
    )
    assert response.status_code == 422
    [detail] = response.json()["detail"]
    assert (detail["type"], detail["loc"]) == (kind, ["body", 0])
    assert message in detail["msg"]


@pytest.mark.parametrize(
    "body", [b"{}", b"[1]", b'[{"record": ["1"]}]', b'[{"record": [1, true]}]', b"[", b"\xff"]
)
def test_what_is_no_list_of_records_is_refused(client: Client, body: bytes) -> None:
    assert client.post(url(48_000), content=body).status_code in (400, 422)


@pytest.mark.parametrize("query", ["sampling_rate=6000", "sampling_rate=nan", "unit=mm/s"])
def test_an_invalid_query_is_refused(client: Client, query: str) -> None:
    assert client.post(f"{PATH}?{query}", json=[]).status_code == 422


def test_no_records_have_no_results(client: Client) -> None:
    assert client.post(url(48_000), json=[]).json()["Analysis"] == []
