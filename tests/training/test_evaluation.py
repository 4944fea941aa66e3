"""`bearing-stream evaluate`, and the results that are committed."""

import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import savemat

from bearing_stream.recordings.catalogue import CatalogueEntry, catalogue
from bearing_stream.vocabulary import FAULT_LABELS
from model.diagnoser import Diagnoser
from tests.paths import ROOT
from training.card import ModelCard
from training.command import command as train_command
from training.evaluation.command import command
from training.evaluation.folds import SAME_BEARING, UNSEEN_DIAMETER, UNSEEN_LOAD
from training.evaluation.markdown import markdown
from training.evaluation.predictions import BOTH, MAJORITY, NESTED, NETWORK, PHYSICS
from training.evaluation.result import Evaluation
from training.evaluation.rig_result import UnseenRigs
from training.evaluation.rigs import CWRU
from training.evaluation.unseen_rig import OTHER_SPEED, PHYSICS_OF_FOUR
from training.fit import Recipe

pytestmark = pytest.mark.slow

ASSETS = Path(str(files("assets")))
TONES = dict(zip(FAULT_LABELS, (700, 1500, 2600, 4100), strict=True))


@pytest.fixture(autouse=True)
def _little_to_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the rigs of the environment, and describe few windows of those trained on.

    The rigs take ten times as long as all of the small one, and describing 4000 windows for each
    fold half of what is left.
    """
    monkeypatch.delenv("RIGS_DATA", raising=False)
    monkeypatch.setattr("training.novelty._PER_CLASS", 100)


@pytest.fixture(scope="module")
def committed() -> Evaluation:
    return Evaluation.model_validate_json((ASSETS / "evaluation.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def rigs() -> UnseenRigs:
    return UnseenRigs.model_validate_json((ASSETS / "rigs.json").read_text("utf-8"))


def small_rig() -> list[CatalogueEntry]:
    """Return a recording of every fault and diameter at two loads, and two healthy ones."""
    chosen = {
        (entry.fault, entry.fault_diameter, entry.load): entry
        for entry in catalogue()
        if entry.load in (0, 3)
    }
    return list(chosen.values())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("recordings")
    generator = np.random.default_rng(0)
    for entry in small_rig():
        time = np.arange(8 * 2048) / 12_000
        samples = np.sin(2 * np.pi * TONES[entry.fault] * time)
        samples += generator.standard_normal(time.size)
        if entry.sampling_rate != 12_000:
            samples = np.repeat(samples, 4)
        savemat(data / entry.file_name, {f"X{entry.number:03d}_DE_time": samples[:, None]})
    return data


# Seconds on an idle machine; a busy one takes longer.
@pytest.mark.timeout(600)
def test_it_evaluates_every_method_in_every_protocol(folder: Path, tmp_path: Path) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    options = ["--data", str(folder), "--out", str(out), "--cache", str(cache), "--quick"]
    result = CliRunner().invoke(command, options)
    assert result.exit_code == 0, result.output
    found = Evaluation.model_validate_json((out / "evaluation.json").read_text("utf-8")).root
    assert set(found) == {SAME_BEARING, UNSEEN_LOAD, UNSEEN_DIAMETER}
    assert set(found[UNSEEN_LOAD][NETWORK].macro_recall.folds) == {"0 hp", "3 hp"}
    for methods in found.values():
        assert methods[MAJORITY].macro_recall.mean == 0.25
        assert methods[MAJORITY].macro_auroc.mean == 0.5
        sizes = {int(np.sum(method.confusion)) for method in methods.values()}
        assert len(sizes) == 1, "every method is evaluated on the same windows"
    assert len(found[UNSEEN_DIAMETER][NESTED].choices or []) == 3
    fitted = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    again = CliRunner().invoke(command, options)
    assert again.exit_code == 0
    assert {path.name: path.stat().st_mtime_ns for path in cache.iterdir()} == fitted


def assert_spread(spread: dict[str, Any], folds: set[str]) -> None:
    assert set(spread["folds"]) == folds
    assert spread["mean"] == pytest.approx(fmean(spread["folds"].values()))
    assert 0 <= spread["mean"] <= 1
    assert spread["sd"] >= 0


@pytest.mark.timeout(600)
def test_train_evaluates_too_if_asked_to(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The quality of the networks does not matter here, and good ones take too long.
    few = replace(Recipe(), epochs=1, windows_per_class=32)
    monkeypatch.setattr("training.evaluation.command.Recipe", lambda: few)
    (seeds,) = (option for option in command.params if option.name == "seeds")
    monkeypatch.setattr(seeds, "default", 2)
    # Networks are kept in out/ of the current folder.
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "assets"
    options = ["--data", str(folder), "--out", str(out), "--epochs", "1", "--evaluate"]
    result = CliRunner().invoke(train_command, options)
    assert result.exit_code == 0, result.output

    found = json.loads((out / "evaluation.json").read_text("utf-8"))
    folds = {
        SAME_BEARING: {"shuffled"},
        UNSEEN_LOAD: {"0 hp", "3 hp"},
        UNSEEN_DIAMETER: {"0.007", "0.014", "0.021"},
    }
    assert set(found) == set(folds)
    for protocol, methods in found.items():
        assert {MAJORITY, NETWORK, PHYSICS, BOTH} <= set(methods)
        for method in methods.values():
            assert method["seeds"] == 2
            assert_spread(method["macro_recall"], folds[protocol])
            assert_spread(method["macro_auroc"], folds[protocol])

    prose = (out / "EVALUATION.md").read_text("utf-8")
    assert f"{found[UNSEEN_DIAMETER][NETWORK]['macro_recall']['mean']:.2f}" in prose
    pictures = re.findall(r"\]\((\w+\.png)\)", prose)
    assert len(pictures) == 2
    for picture in pictures:
        assert (out / picture).read_bytes().startswith(b"\x89PNG")

    card = ModelCard.model_validate_json((out / "model_card.json").read_text("utf-8"))
    assert card.version == Diagnoser.load(out, device="cpu").version
    assert card.unseen
    assert all(row.windows > 0 for row in card.unseen.values())


def test_a_folder_without_enough_recordings_gives_one_clear_error(
    folder: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    (few / "97.mat").write_bytes((folder / "97.mat").read_bytes())
    for data in (few, tmp_path):
        result = CliRunner().invoke(
            command, ["--data", str(data), "--out", str(tmp_path / "out"), "--cache", str(tmp_path)]
        )
        assert result.exit_code == 1
        assert "every fault" in result.output
        assert "Traceback" not in result.output


def test_the_committed_results_have_their_shape(committed: Evaluation) -> None:
    plain = json.loads((ASSETS / "evaluation.json").read_text("utf-8"))
    for protocol, folds in ((SAME_BEARING, 1), (UNSEEN_LOAD, 4), (UNSEEN_DIAMETER, 3)):
        for method in (MAJORITY, NETWORK, PHYSICS, BOTH):
            for metric in ("macro_recall", "macro_auroc"):
                found = plain[protocol][method][metric]
                assert found["sd"] >= 0
                assert len(found["folds"]) == folds
                assert found["mean"] == pytest.approx(np.mean(list(found["folds"].values())))
            assert committed.root[protocol][method].seeds >= 3


def test_the_claims_on_unseen_diameters_hold(committed: Evaluation) -> None:
    methods = committed.root[UNSEEN_DIAMETER]
    assert methods[NESTED].macro_recall.mean >= 0.90
    assert methods[NESTED].macro_auroc.mean >= 0.97
    assert methods[f"{PHYSICS}, orders x 0.90"].macro_recall.mean < 0.6, (
        "a rule that searches at the wrong frequencies finds less"
    )


def test_the_claims_on_unseen_rigs_hold(rigs: UnseenRigs) -> None:
    assert set(rigs.rigs) >= {"MFPT", "UESTC", "IMS", CWRU}
    for name, cases in rigs.rigs.items():
        one, four = cases[PHYSICS], cases[PHYSICS_OF_FOUR]
        for scores in (one, four):
            assert (scores.healthy_faulty or 0) <= 0.01
            assert (scores.healthy_flagged or 0) <= 0.01
            assert (scores.right_flagged or 0) <= 0.05
        if one.macro_recall is not None and four.macro_recall is not None:
            assert one.macro_recall >= 0.86
            assert four.macro_recall >= 0.93
        if name != CWRU:
            assert (cases[NETWORK].healthy_faulty or 0) > 0.6, "the network knows one rig"
        if OTHER_SPEED in cases:
            assert (cases[OTHER_SPEED].healthy_faulty or 0) <= 0.05
            assert cases[OTHER_SPEED].healthy_flagged == 1
    for name in ("MFPT", CWRU):
        recalls = [rigs.rigs[name][f"physics, orders x {factor}"] for factor in ("0.90", "1.10")]
        assert all((scores.macro_recall or 0) < 0.65 for scores in recalls)


def test_the_prose_is_generated_from_the_results(committed: Evaluation, rigs: UnseenRigs) -> None:
    prose = (ASSETS / "EVALUATION.md").read_text("utf-8")
    assert prose == markdown(committed, rigs)
    for picture in re.findall(r"\]\((\w+\.png)\)", prose):
        assert (ASSETS / picture).stat().st_size > 10_000


def test_the_readme_has_the_committed_results(committed: Evaluation) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme.split("## What the diagnoses are worth")[1].split("\n## ")[0]
    for name in (NETWORK, PHYSICS, NESTED, BOTH):
        line = next(line for line in section.splitlines() if line.startswith(f"| `{name}` |"))
        shown = [cell.strip() for cell in line.split("|")[3:-1]]
        in_protocols = [committed.root[protocol].get(name) for protocol in committed.root]
        unseen = committed.root[UNSEEN_DIAMETER][name]
        assert shown == [
            *(f"{method.macro_recall.mean:.2f}" if method else "" for method in in_protocols),
            f"{unseen.macro_auroc.mean:.3f}",
        ]


def test_the_card_has_the_flags_of_unseen_bearings() -> None:
    card = ModelCard.model_validate_json((ASSETS / "model_card.json").read_text("utf-8"))
    assert any("another make" in name for name in card.unseen)
    assert all(row.windows > 0 for row in card.unseen.values())
