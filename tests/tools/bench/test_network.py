"""The comparison of the backends: what it concludes, and that it measures what this machine has."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tools.bench import network
from tools.bench.network import figures_of, pays_from


def test_a_backend_pays_from_the_size_on_which_it_stays_faster() -> None:
    steady = {"1": 30.0, "8": 20.0, "64": 20.0}
    assert pays_from({"1": 200.0, "8": 25.0, "64": 5.0}, steady) == 64
    assert pays_from({"1": 20.0, "8": 25.0, "64": 5.0}, steady) == 64
    assert pays_from({"1": 20.0, "8": 15.0, "64": 5.0}, steady) == 1
    assert pays_from({"1": 20.0, "8": 15.0, "64": 20.0}, steady) is None


def test_figures_are_medians_by_size() -> None:
    figures = figures_of(
        {
            ("native", "float32", 1): [30.0, 28.0, 90.0],
            ("native", "float32", 8): [20.0],
            ("cuda", "float32", 1): [200.0],
            ("cuda", "float32", 8): [15.0],
        }
    )
    assert figures == {
        "microseconds": [
            {"backend": "native", "type": "float32", "1": 30.0, "8": 20.0},
            {"backend": "cuda", "type": "float32", "1": 200.0, "8": 15.0},
        ],
        "cuda pays from, float32": 8,
    }


@pytest.mark.parametrize("missing", ["native", "cuda"])
def test_without_one_of_the_two_nothing_is_concluded(missing: str) -> None:
    present = {"native", "cuda"} - {missing}
    assert "cuda pays from, int16" not in figures_of(
        {(name, "int16", 1): [1.0] for name in present}
    )


def test_every_backend_of_this_machine_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(network, "SIZES", (1, 8))
    monkeypatch.setattr(network, "AT_LEAST", 0.001)
    ran = CliRunner().invoke(network.command, ["--rounds", "1"])
    assert ran.exit_code == 0, ran.output
    assert "numpy" in ran.output
    assert "int16" in ran.output
