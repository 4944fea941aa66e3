"""`bearing-stream train`: fit the network and write it to an assets folder."""

import time
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bearing_stream.recordings import RecordingError
from bearing_stream.recordings.command import data_option, named_folder
from training.evaluation.command import command as evaluation_command
from training.fit import Epoch, Recipe
from training.run import CARD_MARKDOWN_FILE, SENSORS_FILE, Trained, train


class _Bar:
    """A progress bar that counts epochs and shows the last one's losses."""

    def __init__(self, progress: Progress, epochs: int) -> None:
        self._progress = progress
        self._task = progress.add_task("reading", total=epochs)

    def advance(self, epoch: Epoch) -> None:
        """Count an epoch."""
        losses = f"loss {epoch.training_loss:.4f}, validation {epoch.validation_loss:.4f}"
        self._progress.update(self._task, advance=1, description=losses)


@click.command()
@data_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to. [default: the project's assets]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the split, the first weights and the windows drawn.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=Recipe().epochs,
    show_default=True,
    help="At most.",
)
@click.option(
    "--evaluate", is_flag=True, help="Then run `bearing-stream evaluate`, for half an hour."
)
@click.pass_context
def command(
    context: click.Context,
    data: Path | None,
    out: Path | None,
    seed: int,
    epochs: int,
    evaluate: bool,
) -> None:
    """Fit the network to the CWRU recordings: a minute or two on one core.

    30 % of the windows of each recording are set aside and diagnosed once, at the end. Writes the
    weights, the description of the windows trained on, the label decoder, a model card (JSON and
    Markdown) and figures; with --out also a table of the sensors trained on, the only ones of
    which `--diagnoser auto` believes this network.
    """
    folder = named_folder(data, "recordings to train on")
    started = time.monotonic()
    own = out is not None
    out = out or Path(str(files("assets")))
    try:
        trained = _train(folder, seed, replace(Recipe(), epochs=epochs))
        trained.write(out)
        if own:
            (out / SENSORS_FILE).write_text(trained.table(), encoding="utf-8")
    except (RecordingError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    _summarise(trained, time.monotonic() - started, out)
    if own:
        click.echo(f"use it with --assets {out} --sensor-table {out / SENSORS_FILE}")
    if evaluate:
        context.invoke(evaluation_command, data=folder, out=out)


def _train(folder: Path, seed: int, recipe: Recipe) -> Trained:
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        bar = _Bar(progress, recipe.epochs)
        return train(folder, seed, recipe, bar.advance)


def _summarise(trained: Trained, seconds: float, out: Path) -> None:
    card = trained.card
    recalls = ", ".join(
        f"{label} {recall:.2%}" for label, recall in card.test_scores.recall.items()
    )
    click.echo(
        f"{card.name} {card.version}: {card.epochs} epochs, weights of epoch {card.best_epoch}, "
        f"{seconds:.0f} s\n"
        f"test: {card.test_scores.accuracy:.2%} of {card.test_scores.windows} windows right; "
        f"recall {recalls}\n"
        f"written to {out}; read {out / CARD_MARKDOWN_FILE} for what these numbers show"
    )
