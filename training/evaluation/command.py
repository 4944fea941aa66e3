"""`bearing-stream evaluate`: score every method on bearings and loads that were set aside."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bearing_stream.recordings import RecordingError, cwru
from bearing_stream.recordings.command import data_option, named_folder
from model.weights import CheckpointError
from training.card import ModelCard
from training.evaluation.figures import confusions, recalls
from training.evaluation.folds import UNSEEN_DIAMETER
from training.evaluation.markdown import markdown
from training.evaluation.progress import Counting
from training.evaluation.result import Evaluation
from training.evaluation.rig_result import UnseenRigs
from training.evaluation.rigs import cwru_rig, read_rigs
from training.evaluation.run import Evaluated, evaluate
from training.evaluation.unseen_rig import evaluate_rigs
from training.figures import save
from training.fit import Recipe
from training.run import CARD_FILE, write_card

EVALUATION_FILE: Final = "evaluation.json"
RIGS_FILE: Final = "rigs.json"
EVALUATION_MARKDOWN_FILE: Final = "EVALUATION.md"

_QUICK: Final = replace(Recipe(), epochs=2, windows_per_class=64)


@click.command()
@data_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to. [default: the project's assets]",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Networks fitted for each fold.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out/evaluation"),
    show_default=True,
    help="Folder where fitted networks are kept for the next run.",
)
@click.option(
    "--rigs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="RIGS_DATA",
    help="Folder with recordings of other rigs and their index.csv: evaluates physics on them too. "
    "[env: RIGS_DATA]",
)
@click.option("--rigs-only", is_flag=True, help="Only on the other rigs: two minutes.")
@click.option("--quick", is_flag=True, help="Two epochs and one seed: shows only that it runs.")
def command(
    data: Path | None,
    out: Path | None,
    seeds: int,
    cache: Path,
    rigs: Path | None,
    rigs_only: bool,
    quick: bool,
) -> None:
    """Evaluate network and physics on bearings, loads and rigs that were set aside.

    About half an hour on one core the first time. Writes evaluation.json, rigs.json, EVALUATION.md
    and figures, and completes the model card.
    """
    if rigs_only and rigs is None:
        raise click.UsageError("--rigs-only: name the folder of the other rigs with --rigs")
    folder = named_folder(data, "recordings to evaluate on")
    out = out or Path(str(files("assets")))
    try:
        if rigs is not None:
            written = write_rigs(_evaluate_rigs(folder, rigs), out)
        if rigs_only:
            click.echo(f"written to {out}; read {written}")
            return
        evaluated = _evaluate(folder, 1 if quick else seeds, _QUICK if quick else Recipe(), cache)
        write(evaluated, out)
    except (RecordingError, CheckpointError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    for method, found in evaluated.evaluation.root[UNSEEN_DIAMETER].items():
        click.echo(
            f"{UNSEEN_DIAMETER}, {method}: macro recall {found.macro_recall.mean:.3f}, "
            f"macro AUROC {found.macro_auroc.mean:.3f}"
        )
    click.echo(f"written to {out}; read {out / EVALUATION_MARKDOWN_FILE}")


def write(evaluated: Evaluated, out: Path) -> None:
    """Write results, text and figures into a folder, and complete its model card if it has one.

    Raises:
        OSError: Something cannot be written.
        ValueError: The model card in the folder is not valid.
    """
    out.mkdir(parents=True, exist_ok=True)
    evaluation = evaluated.evaluation
    save(recalls(evaluation), out / "evaluation.png")
    save(confusions(evaluation), out / "evaluation_confusion.png")
    content = evaluation.model_dump_json(indent=2, exclude_none=True)
    (out / EVALUATION_FILE).write_text(content + "\n", encoding="utf-8")
    _write_markdown(out)
    if (out / CARD_FILE).is_file():
        card = ModelCard.model_validate_json((out / CARD_FILE).read_text(encoding="utf-8"))
        write_card(card.model_copy(update={"unseen": evaluated.unseen}), out)


def write_rigs(found: UnseenRigs, out: Path) -> Path:
    """Write the results on other rigs, and the text if the other results are there.

    Returns:
        The file to read: the text, or the results without one.
    """
    out.mkdir(parents=True, exist_ok=True)
    rigs = out / RIGS_FILE
    rigs.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if not (out / EVALUATION_FILE).is_file():
        return rigs
    _write_markdown(out)
    return out / EVALUATION_MARKDOWN_FILE


def _write_markdown(out: Path) -> None:
    """Write the text on the results that are in the folder."""
    evaluation = Evaluation.model_validate_json((out / EVALUATION_FILE).read_text("utf-8"))
    rigs = None
    if (out / RIGS_FILE).is_file():
        rigs = UnseenRigs.model_validate_json((out / RIGS_FILE).read_text("utf-8"))
    text = markdown(evaluation, rigs)
    (out / EVALUATION_MARKDOWN_FILE).write_text(text, encoding="utf-8")


def _evaluate_rigs(folder: Path, rigs: Path) -> UnseenRigs:
    own = cwru_rig(cwru.load(folder, cwru.present(folder)))
    return evaluate_rigs([*read_rigs(rigs), *own])


def _evaluate(folder: Path, seeds: int, recipe: Recipe, cache: Path) -> Evaluated:
    recordings = list(cwru.load(folder, cwru.present(folder)))
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        return evaluate(recordings, range(seeds), recipe, cache, Counting(progress))
