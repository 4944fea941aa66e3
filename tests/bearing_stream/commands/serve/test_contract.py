"""The interface as it was published, to the letter, and what has been added beside it."""

import json
from typing import Any

import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray

from bearing_stream.commands.serve.app import create_app
from bearing_stream.commands.serve.settings import ApiSettings
from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS
from model.assessment import Assessment
from model.assessor import Assessor
from tests.bearing_stream.commands.serve.conftest import BINARY, PATH, Client, records, serving


def assess(assessor: Assessor, windows: NDArray[np.float32]) -> Assessment:
    return assessor.assess(windows, np.full(len(windows), np.nan), [""] * len(windows))


def test_the_published_answer(
    client: Client, assessor: Assessor, windows: NDArray[np.float32]
) -> None:
    answered = client.post(PATH, json=records(windows))
    assert answered.status_code == 200
    answer = answered.json()
    assert list(answer) == ["Analysis", "Execution Time"]
    assert answer["Execution Time"] > 0
    expected = assess(assessor, windows).probabilities
    assert len(answer["Analysis"]) == len(windows)
    for said, row in zip(answer["Analysis"], expected, strict=True):
        assert list(said)[:2] == ["Prediction", "Probabilities"]
        assert list(said["Probabilities"]) == ["Ball", "InnerRace", "Normal", "OuterRace"]
        np.testing.assert_allclose(list(said["Probabilities"].values()), row, atol=1e-5)
        assert said["Prediction"] == FAULT_LABELS[row.argmax()]


def test_no_records_are_answered_by_no_analysis(client: Client) -> None:
    bodies: list[dict[str, Any]] = [{"json": []}, {"content": b"", "headers": BINARY}]
    for sent in bodies:
        answered = client.post(PATH, **sent)
        assert (answered.status_code, answered.json()["Analysis"]) == (200, [])


def test_records_are_read_as_they_ever_were(client: Client, windows: NDArray[np.float32]) -> None:
    expected = client.post(PATH, json=records(windows)).json()["Analysis"]
    more = [
        {"id": index, "unit": {"name": "g"}} | item for index, item in enumerate(records(windows))
    ]
    body = json.dumps(records(windows)).encode()
    bodies: list[dict[str, Any]] = [
        {"json": more},
        {"content": body},
        {"content": body, "headers": {"Content-Type": "application/json; charset=utf-8"}},
        {"content": json.dumps(records(windows), indent=2).encode()},
    ]
    for sent in bodies:
        assert client.post(PATH, **sent).json()["Analysis"] == expected
    without_slash = client.post(PATH.rstrip("/"), json=records(windows))
    assert without_slash.json()["Analysis"] == expected


def test_whole_numbers_are_numbers(client: Client) -> None:
    counts = [{"record": [index % 7 for index in range(2048)]}]
    assert client.post(PATH, json=counts).status_code == 200


def test_a_binary_body_gets_the_same_answer(client: Client, windows: NDArray[np.float32]) -> None:
    as_json = client.post(PATH, json=records(windows)).json()
    body = windows.astype("<f4").tobytes()
    as_binary = client.post(PATH, content=body, headers=BINARY).json()
    assert as_binary["Analysis"] == as_json["Analysis"]


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_it_describes_itself(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_the_description_holds(client: Client) -> None:
    description = client.get("/openapi.json").json()
    operation = description["paths"][PATH]["post"]
    request = operation["requestBody"]["content"]["application/json"]
    jsonschema.validate(request["example"], request["schema"])

    def check(status: int, answer: Any) -> None:
        content = operation["responses"][str(status)]["content"]["application/json"]
        schema = content["schema"] | {"components": description["components"]}
        jsonschema.validate(answer, schema)
        if "example" in content:
            jsonschema.validate(content["example"], schema)

    answered = client.post(PATH, json=request["example"])
    assert answered.status_code == 200
    check(200, answered.json())
    check(422, client.post(PATH, json=[{"record": [1]}]).json())
    check(415, client.post(PATH, content="", headers={"Content-Type": "text/csv"}).json())


def test_health_names_the_model(client: Client, assessor: Assessor) -> None:
    answered = client.get("/healthz")
    assert answered.status_code == 200
    assert answered.json()["status"] == "ok"
    assert answered.json()["model"]["version"] == assessor.version


def test_each_record_says_how_far_it_can_be_trusted(client: Client, assessor: Assessor) -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(size=2048)
    hum = np.sin(2 * np.pi * 60 * np.arange(2048) / 12_000) + 0.01 * noise
    clipped = np.clip(noise, -0.5, 0.5)
    windows = np.array([noise, hum, clipped], np.float32)
    expected = assess(assessor, windows)
    analysis = client.post(PATH, json=records(windows)).json()["Analysis"]
    assert "mains-hum" in analysis[1]["Reasons"]
    assert "clipping" in analysis[2]["Reasons"]
    for said, flags, novelty in zip(analysis, expected.flags, expected.novelty, strict=True):
        assert said["Reasons"] == [
            name for name, doubt in zip(QUALITY_FLAGS, flags, strict=True) if doubt
        ]
        assert said["Quality"] == ("uncertain" if said["Reasons"] else "good")
        assert said["Novelty"] == pytest.approx(float(novelty), rel=1e-3)
        assert "Evidence" not in said


def test_uncertain_is_unknown_only_where_it_is_asked_for(assessor: Assessor) -> None:
    clipped = np.clip(np.random.default_rng(5).normal(size=(1, 2048)), -0.5, 0.5)
    said = {}
    for asked in (False, True):
        with serving(create_app(assessor, ApiSettings(uncertain_as_unknown=asked))) as client:
            (said[asked],) = client.post(PATH, json=records(clipped)).json()["Analysis"]
    assert said[False]["Prediction"] in FAULT_LABELS
    assert said[True]["Prediction"] == "Unknown"
    assert said[True]["Probabilities"] == said[False]["Probabilities"]


def test_physics_is_heard_where_the_machine_is_known() -> None:
    windows = np.random.default_rng(5).normal(size=(2, 2048)).astype("<f4")
    assessor = Assessor.load(device="cpu", diagnoser="physics")
    with serving(create_app(assessor, ApiSettings(diagnoser="physics"))) as client:

        def evidence(query: str) -> list[Any]:
            answered = client.post(PATH + query, content=windows.tobytes(), headers=BINARY)
            return [said["Evidence"] for said in answered.json()["Analysis"]]

        # A sensor of the rig whose table ships.
        for said in evidence("?sensor=105/DE&rpm=1750"):
            assert said["decided_by"] in ("physics", "network")
            assert all(np.isfinite(said[f"{part}_sigma"]) for part in ("outer", "inner", "ball"))
            assert said["shaft_speed"] == pytest.approx(1750, rel=0.05)
        assert evidence("?sensor=nobody-knows") == [None, None]
        assert client.post(PATH + "?rpm=-1", json=[]).status_code == 422
