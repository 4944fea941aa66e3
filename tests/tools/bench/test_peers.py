"""The comparison with the peers: what it concludes, what it keeps, and what it refuses."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bearing_stream.vocabulary import FAULT_LABELS
from tools.bench.errors import BenchError
from tools.bench.peers import installing
from tools.bench.peers.check import Expected, check_count
from tools.bench.peers.contenders import QUIX, STREAMS, contenders
from tools.bench.peers.latency import Latency
from tools.bench.peers.picture import draw
from tools.bench.peers.results import Entry, ResultsFile
from tools.bench.peers.summary import NETWORK, disturbances, ratios, rows
from tools.bench.peers.throughput import Throughput
from tools.bench.peers.topics import Written

RUN = Throughput(
    windows_per_second=8000, own_microseconds=90, broker_microseconds=20, memory=2**27,
    start_seconds=1.5, diagnoses=100_000, others_cores=0.01,
)  # fmt: skip


def run(name: str, rate: float, turn: int = 0, others: float = 0.01) -> Entry:
    result = replace(RUN, windows_per_second=rate, others_cores=others)
    return Entry("throughput", name, turn, result)


def test_a_ratio_is_of_the_medians_of_the_undisturbed_runs() -> None:
    entries = [
        *(run(NETWORK, rate, turn) for turn, rate in enumerate((9000, 8000, 1000))),
        run(NETWORK, 99_000, turn=3, others=0.7),
        run(QUIX, 2000),
    ]
    [ratio] = ratios(entries)
    assert (ratio.name, ratio.other, ratio.times) == (NETWORK, QUIX, 4.0)
    assert disturbances(entries) == [f"{NETWORK}: round 4 (0.70)"]


def test_there_is_no_ratio_with_a_contender_whose_runs_were_all_disturbed() -> None:
    entries = [run(NETWORK, 8000), run(QUIX, 2000, others=1.2)]
    [ratio] = ratios(entries)
    assert ratio.times is None
    assert ratio.reason == f"every run of {QUIX} was disturbed"
    # Its figures are shown all the same, and marked.
    assert [row.disturbed for row in rows(entries)] == [False, True]
    assert rows(entries)[1].windows_per_second == 2000


def test_an_interrupted_comparison_goes_on(tmp_path: Path) -> None:
    path, settings = tmp_path / "results.jsonl", {"windows": 5, "consumer_options": ()}
    first = ResultsFile(path, settings, anew=False)
    latency = Entry("latency", QUIX, 171, Latency(171, 20.0, 40.0, 1000, 0, 0.0, {}))
    for entry in (run(QUIX, 1), run(QUIX, 2, turn=1, others=1.0), latency):
        first.add(entry)

    continued = ResultsFile(path, settings, anew=False)
    assert continued.entries == first.entries
    assert continued.get("throughput", QUIX, 0) == run(QUIX, 1)
    assert continued.get("latency", QUIX, 171) == latency
    assert continued.get("throughput", QUIX, 1) is None, "a disturbed run is repeated"
    continued.add(run(QUIX, 3, turn=1))
    assert ResultsFile(path, settings, anew=False).entries == continued.entries

    assert ResultsFile(path, settings | {"windows": 6}, anew=False).entries == ()
    assert ResultsFile(path, settings, anew=True).entries == ()


def test_predictions_must_be_those_of_the_network() -> None:
    expected = Expected("float32")
    # Of the first windows of a sensor, in order; the network itself has them.
    probabilities = expected.of("bearing-0000")[:3]
    written = [
        Written("bearing-0000", 0, FAULT_LABELS[int(row.argmax())],
                dict(zip(FAULT_LABELS, row.tolist(), strict=True)))
        for row in probabilities
    ]  # fmt: skip
    expected.check("right", written)
    with pytest.raises(BenchError, match="window 1 of bearing-0000"):
        expected.check("lost one", written[:1] + written[2:])
    with pytest.raises(BenchError, match="no prediction"):
        expected.check("infers nothing", [replace_prediction(written[0], "")])


def replace_prediction(written: Written, prediction: str) -> Written:
    return written._replace(prediction=prediction)


@pytest.mark.parametrize(
    ("count", "complete"), [(0, False), (11, False), (9, True)], ids=["none", "many", "few"]
)
def test_a_contender_that_does_less_or_more_has_no_figure(count: int, complete: bool) -> None:
    with pytest.raises(BenchError, match=f"expected 10 diagnoses, got {count}"):
        check_count("x", [Written("a", 0, "Ball", {})] * count, 10, complete)


def test_a_peer_whose_tools_are_missing_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing, "peers_python", lambda _: Path(sys.executable))
    monkeypatch.setattr("shutil.which", lambda _: None)
    found, left_out = contenders(tmp_path)
    assert list(left_out) == [STREAMS.format("1 or 2")]
    assert "`java` is not installed" in left_out[STREAMS.format("1 or 2")]
    assert {QUIX, NETWORK} <= {contender.name for contender in found}

    def no_index(_: Path) -> Any:
        raise BenchError("pip failed: no index")

    monkeypatch.setattr(installing, "peers_python", no_index)
    found, left_out = contenders(tmp_path)
    assert left_out == {
        QUIX: "pip failed: no index",
        STREAMS.format("1 or 2"): "pip failed: no index",
    }
    assert NETWORK in {contender.name for contender in found}


def test_the_picture_shows_contenders_with_and_without_latency(tmp_path: Path) -> None:
    entries = [
        run(NETWORK, 8000),
        run(QUIX, 2000, others=1.0),
        Entry("latency", QUIX, 171, Latency(171, 20.0, 40.0, 1000, 0, 0.0, {})),
    ]
    draw(rows(entries), 171, "two cores", tmp_path / "peers.png")
    assert (tmp_path / "peers.png").stat().st_size > 10_000
