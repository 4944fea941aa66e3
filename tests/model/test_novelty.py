"""Novelty: the distance of its definition, and a file that is checked when it is loaded."""

import dataclasses
import shutil
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model import checkpoint
from model.diagnoser import Diagnoser
from model.network import Network
from model.novelty import Novelty
from model.weights import FEATURES, CheckpointError

pytestmark = pytest.mark.numeric

ASSETS = Path(str(files("assets")))


def random_novelty(network: Network | None = None, seed: int = 0, limit: float = 2.0) -> Novelty:
    generator = np.random.default_rng(seed)
    return Novelty(
        weights=network.weights().digest if network else "",
        means=generator.standard_normal((4, FEATURES)).astype(np.float32),
        whitening=np.tril(generator.standard_normal((FEATURES, FEATURES))).astype(np.float32),
        limit=limit,
        temperature=1.5,
    )


def score(novelty: Novelty, features: NDArray[np.float32]) -> NDArray[np.floating]:
    return novelty.scaled().distances(features)


@settings(deadline=None, max_examples=30)
@given(rows=st.integers(0, 20), seed=st.integers(0, 99), limit=st.floats(0.1, 100))
def test_it_is_the_distance_from_the_nearest_class_over_the_limit(
    rows: int, seed: int, limit: float
) -> None:
    novelty = random_novelty(seed=seed, limit=limit)
    features = np.random.default_rng(seed + 1).standard_normal((rows, FEATURES)).astype(np.float32)
    apart = features[:, None].astype(np.float64) - novelty.means
    distances = np.linalg.norm(apart @ novelty.whitening.astype(np.float64), axis=2)
    expected = distances.min(axis=1) / limit if rows else np.empty(0)
    np.testing.assert_allclose(score(novelty, features), expected, rtol=1e-4)


def test_the_mean_of_a_class_is_not_novel_and_a_distant_point_is() -> None:
    novelty = random_novelty()
    assert score(novelty, novelty.means).max() < 0.1
    assert score(novelty, novelty.means + 100).min() > 1


def test_a_stored_file_loads_unchanged(tmp_path: Path) -> None:
    network = Network()
    novelty = random_novelty(network)
    novelty.save(tmp_path / "novelty.npz")
    found = Novelty.load(tmp_path / "novelty.npz", network.weights())
    np.testing.assert_array_equal(found.means, novelty.means)
    np.testing.assert_array_equal(found.whitening, novelty.whitening)
    assert (found.limit, found.temperature) == (novelty.limit, novelty.temperature)
    again = tmp_path / "again.npz"
    found.save(again)
    assert again.read_bytes() == (tmp_path / "novelty.npz").read_bytes()


def test_it_is_refused_with_other_weights(tmp_path: Path) -> None:
    random_novelty(Network()).save(tmp_path / "novelty.npz")
    with pytest.raises(CheckpointError, match=r"belongs to other weights.*or remove it"):
        Novelty.load(tmp_path / "novelty.npz", Network().weights())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"means": np.zeros((4, 7), np.float32)}, "means"),
        ({"means": np.zeros((0, FEATURES), np.float32)}, "means"),
        ({"means": np.zeros(FEATURES, np.float32)}, "means"),
        ({"whitening": np.zeros((4, FEATURES), np.float32)}, "whitening"),
        ({"whitening": np.full((FEATURES, FEATURES), np.nan, np.float32)}, "whitening"),
        ({"whitening": np.zeros((FEATURES, FEATURES))}, "whitening"),
        ({"limit": 0.0}, "limit"),
        ({"limit": np.nan}, "limit"),
        ({"temperature": -1.0}, "temperature"),
    ],
)
def test_a_file_with_invalid_content_is_refused(
    changed: dict[str, object], message: str, tmp_path: Path
) -> None:
    network = Network()
    dataclasses.replace(random_novelty(network), **changed).save(tmp_path / "n.npz")  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match=f"expected (a )?{message}"):
        Novelty.load(tmp_path / "n.npz", network.weights())


@pytest.mark.parametrize("cut", [0, 100, 10_000])
def test_a_broken_file_is_refused(cut: int, tmp_path: Path) -> None:
    network = Network()
    random_novelty(network).save(tmp_path / "novelty.npz")
    content = (tmp_path / "novelty.npz").read_bytes()
    (tmp_path / "novelty.npz").write_bytes(content[:cut])
    with pytest.raises(CheckpointError, match=r"novelty\.npz is no readable.*bearing-stream train"):
        Novelty.load(tmp_path / "novelty.npz", network.weights())


def test_a_file_with_code_is_not_run(tmp_path: Path) -> None:
    np.savez(tmp_path / "n.npz", weights=np.array([print], dtype=object))
    with pytest.raises(CheckpointError):
        Novelty.load(tmp_path / "n.npz", Network().weights())


@pytest.fixture(scope="module")
def windows() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((300, 2048)).astype(np.float32)


def test_an_examination_is_the_diagnosis_and_the_novelty(windows: NDArray[np.float32]) -> None:
    diagnoser = Diagnoser.load(device="cpu")
    found = diagnoser.examine(windows)
    # Two runs, which may differ in the last bits; the diagnoser promises 1e-5.
    np.testing.assert_allclose(found.probabilities, diagnoser.diagnose(windows), atol=1e-5)
    assert found.novelty.shape == (300,)
    assert found.novelty.dtype == np.float32
    assert (found.novelty > 1).mean() > 0.98, "white noise is no bearing"
    apart = [diagnoser.examine(piece).novelty for piece in np.split(windows, [1, 7, 130])]
    np.testing.assert_allclose(np.concatenate(apart), found.novelty, rtol=1e-4)
    scaled = diagnoser.examine(windows * 1e6 + 3).novelty
    np.testing.assert_allclose(scaled, found.novelty, rtol=1e-3)
    assert diagnoser.examine(windows[:0]).novelty.shape == (0,)


@pytest.mark.parametrize("window", [np.zeros(2048), np.full(2048, 1e30), np.eye(1, 2048)[0]])
def test_it_is_finite_for_every_finite_window(window: NDArray[np.float64]) -> None:
    found = Diagnoser.load(device="cpu").examine(window[None].astype(np.float32))
    assert np.isfinite(found.novelty).all()
    assert (found.novelty >= 0).all()


def test_the_temperature_lowers_confidence_and_changes_no_diagnosis(
    windows: NDArray[np.float32],
) -> None:
    network = checkpoint.load(ASSETS / "model.pt")
    plain = Diagnoser(network.weights()).diagnose(windows)
    cooled = Diagnoser(network.weights(), random_novelty(network)).diagnose(windows)
    # The two highest probabilities of each of these windows lie .007 apart or more.
    np.testing.assert_array_equal(cooled.argmax(axis=1), plain.argmax(axis=1))
    assert (cooled.max(axis=1) < plain.max(axis=1)).all()


def test_without_the_file_nothing_is_novel_and_a_warning_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, windows: NDArray[np.float32]
) -> None:
    for name in ("model.pt", "labels.json"):
        shutil.copy(ASSETS / name, tmp_path)
    diagnoser = Diagnoser.load(tmp_path, device="cpu")
    assert "no novelty.npz" in caplog.text
    assert "no window will be flagged as novel" in caplog.text
    assert not diagnoser.examine(windows).novelty.any()
    with_it = Diagnoser.load(device="cpu").diagnose(windows)
    np.testing.assert_array_equal(diagnoser.diagnose(windows).argmax(1), with_it.argmax(1))
