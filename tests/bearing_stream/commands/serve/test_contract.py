"""The published interface, exactly, and what has been added to it."""

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


def test_the_published_response(
    client: Client, assessor: Assessor, windows: NDArray[np.float32]
) -> None:
    response = client.post(PATH, json=records(windows))
    assert response.status_code == 200
    content = response.json()
    assert list(content) == ["Analysis", "Execution Time"]
    assert content["Execution Time"] > 0
    expected = assess(assessor, windows).probabilities
    assert len(content["Analysis"]) == len(windows)
    for diagnosis, row in zip(content["Analysis"], expected, strict=True):
        assert list(diagnosis)[:2] == ["Prediction", "Probabilities"]
        assert list(diagnosis["Probabilities"]) == ["Ball", "InnerRace", "Normal", "OuterRace"]
        np.testing.assert_allclose(list(diagnosis["Probabilities"].values()), row, atol=1e-5)
        assert diagnosis["Prediction"] == FAULT_LABELS[row.argmax()]


def test_without_records_the_analysis_is_empty(client: Client) -> None:
    bodies: list[dict[str, Any]] = [{"json": []}, {"content": b"", "headers": BINARY}]
    for sent in bodies:
        response = client.post(PATH, **sent)
        assert (response.status_code, response.json()["Analysis"]) == (200, [])


def test_all_published_forms_of_records_are_accepted(
    client: Client, windows: NDArray[np.float32]
) -> None:
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


def test_a_binary_body_gets_the_same_response(client: Client, windows: NDArray[np.float32]) -> None:
    as_json = client.post(PATH, json=records(windows)).json()
    body = windows.astype("<f4").tobytes()
    as_binary = client.post(PATH, content=body, headers=BINARY).json()
    assert as_binary["Analysis"] == as_json["Analysis"]


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_it_describes_itself(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_the_description_matches_the_responses(client: Client) -> None:
    description = client.get("/openapi.json").json()
    operation = description["paths"][PATH]["post"]
    request = operation["requestBody"]["content"]["application/json"]
    jsonschema.validate(request["example"], request["schema"])

    def check(status: int, value: Any) -> None:
        content = operation["responses"][str(status)]["content"]["application/json"]
        schema = content["schema"] | {"components": description["components"]}
        jsonschema.validate(value, schema)
        if "example" in content:
            jsonschema.validate(content["example"], schema)

    response = client.post(PATH, json=request["example"])
    assert response.status_code == 200
    check(200, response.json())
    check(422, client.post(PATH, json=[{"record": [1]}]).json())
    check(415, client.post(PATH, content="", headers={"Content-Type": "text/csv"}).json())


def test_health_names_the_model(client: Client, assessor: Assessor) -> None:
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert response.json()["model"]["version"] == assessor.version


def test_each_record_has_quality_flags_and_novelty(client: Client, assessor: Assessor) -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(size=2048)
    hum = np.sin(2 * np.pi * 60 * np.arange(2048) / 12_000) + 0.01 * noise
    clipped = np.clip(noise, -0.5, 0.5)
    windows = np.array([noise, hum, clipped], np.float32)
    expected = assess(assessor, windows)
    analysis = client.post(PATH, json=records(windows)).json()["Analysis"]
    assert "mains-hum" in analysis[1]["Reasons"]
    assert "clipping" in analysis[2]["Reasons"]
    for diagnosis, flags, novelty in zip(analysis, expected.flags, expected.novelty, strict=True):
        assert diagnosis["Reasons"] == [
            name for name, flagged in zip(QUALITY_FLAGS, flags, strict=True) if flagged
        ]
        assert diagnosis["Quality"] == ("uncertain" if diagnosis["Reasons"] else "good")
        assert diagnosis["Novelty"] == pytest.approx(float(novelty), rel=1e-3)
        assert diagnosis["Evidence"] is None


def test_uncertain_is_unknown_only_with_its_setting(assessor: Assessor) -> None:
    clipped = np.clip(np.random.default_rng(5).normal(size=(1, 2048)), -0.5, 0.5)
    diagnoses = {}
    for setting in (False, True):
        with serving(create_app(assessor, ApiSettings(uncertain_as_unknown=setting))) as client:
            (diagnoses[setting],) = client.post(PATH, json=records(clipped)).json()["Analysis"]
    assert diagnoses[False]["Prediction"] in FAULT_LABELS
    assert diagnoses[True]["Prediction"] == "Unknown"
    assert diagnoses[True]["Probabilities"] == diagnoses[False]["Probabilities"]


def test_physical_evidence_is_included_for_a_known_sensor() -> None:
    windows = np.random.default_rng(5).normal(size=(2, 2048)).astype("<f4")
    assessor = Assessor.load(device="cpu", diagnoser="physics")
    with serving(create_app(assessor, ApiSettings(diagnoser="physics"))) as client:

        def evidence(query: str) -> list[Any]:
            response = client.post(PATH + query, content=windows.tobytes(), headers=BINARY)
            return [diagnosis["Evidence"] for diagnosis in response.json()["Analysis"]]

        # A sensor of the rig in the shipped table.
        for diagnosis in evidence("?sensor=105/DE&rpm=1750"):
            assert diagnosis["decided_by"] in ("physics", "network")
            assert all(
                np.isfinite(diagnosis[f"{part}_sigma"]) for part in ("outer", "inner", "ball")
            )
            assert diagnosis["shaft_speed"] == pytest.approx(1750, rel=0.05)
        assert evidence("?sensor=nobody-knows") == [None, None]
        assert client.post(PATH + "?rpm=-1", json=[]).status_code == 422
