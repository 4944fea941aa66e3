"""`python -m tools.plant`: replay recordings as a plant, and count the alarms of its bearings."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Final

import click

from bearing_stream.alarms.engine import Engine
from bearing_stream.recordings import RecordingError, cwru
from bearing_stream.recordings.command import data_option, named_folder
from tools.plant.outcome import Outcome, outcomes
from tools.plant.recorded import Machine, by_physics, with_network, with_unseen_diameters
from tools.plant.report import Summary, markdown
from training.card import ModelCard
from training.evaluation.networks import Networks
from training.evaluation.rigs import cwru_rig, read_rigs
from training.fit import Recipe
from training.run import CARD_FILE

OUT: Final = Path("out/plant.json")

NETWORKS: Final = Path("out/evaluation")
"""Where `bearing-stream evaluate` keeps its networks, too."""


@click.command()
@data_option
@click.option(
    "--rigs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="RIGS_DATA",
    help="Folder with recordings of other rigs and their index.csv. [env: RIGS_DATA]",
)
@click.option(
    "--unseen",
    is_flag=True,
    help="Also with networks that have not seen the fault diameter: fits them, for four minutes, "
    "and keeps them in out/evaluation.",
)
def command(data: Path | None, rigs: Path | None, unseen: bool) -> None:
    """Replay recordings as a plant, and count the alarms of its bearings.

    Each recording is a bearing that is healthy, fails and is repaired. Prints a table, and writes
    what every bearing raised to out/plant.json.
    """
    folder = named_folder(data, "recordings to replay")
    found: defaultdict[tuple[str, str], list[Outcome]] = defaultdict(list)
    try:
        for machine in plant(folder, rigs, unseen):
            found[machine.rig, machine.method] += outcomes(machine, Engine())
    except RecordingError as error:
        raise click.ClickException(str(error)) from error
    summaries = [Summary.of(*key, own) for key, own in found.items()]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    content = [
        asdict(summary) | {"bearings": [asdict(each) for each in own]}
        for summary, own in zip(summaries, found.values(), strict=True)
    ]
    OUT.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    click.echo(markdown(summaries))
    click.echo(f"written to {OUT}")


def plant(folder: Path, rigs: Path | None, unseen: bool = False) -> Iterator[Machine]:
    """Yield all machines: the rig of the network by each method, and other rigs by physics.

    Raises:
        RecordingError: A recording is missing or cannot be read.
    """
    recordings = list(cwru.load(folder, cwru.present(folder)))
    others = [] if rigs is None else read_rigs(rigs)
    card = ModelCard.model_validate_json(files("assets").joinpath(CARD_FILE).read_text("utf-8"))
    yield from with_network(recordings, card.seed)
    if unseen:
        yield from with_unseen_diameters(recordings, Networks(NETWORKS, Recipe()), 0)
    yield from by_physics([*cwru_rig(recordings), *others])
