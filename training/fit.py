"""Fitting the network's weights."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from model.network import Network
from model.scaling import standardise
from training.windows import LabelledWindows, TrainingPool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The hyperparameters; chosen on validation windows alone.

    Args:
        epochs: At most. The learning rate falls from its start to zero over them, along a
            cosine (Loshchilov and Hutter 2017, arXiv 1608.03983).
        patience: Epochs without a lower validation loss after which fitting stops.
        windows_per_class: Drawn again for each epoch.
        batch_size: Windows a step.
        learning_rate: Of Adam (Kingma and Ba 2015, arXiv 1412.6980), at the start.
    """

    epochs: int = 80
    patience: int = 20
    windows_per_class: int = 600
    batch_size: int = 64
    learning_rate: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """The result of an epoch: mean cross-entropy, in nats, and the share of windows right."""

    training_loss: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted network: its weights are those after epoch `best` (from 0) of `history`."""

    network: Network
    history: tuple[Epoch, ...]
    best: int


def fit(
    pool: TrainingPool,
    validation: LabelledWindows,
    seed: int,
    recipe: Recipe,
    report: Callable[[Epoch], None] | None = None,
) -> Fit:
    """Fit a network, and keep the weights of its lowest validation loss.

    The same arguments give the same weights, bit for bit, on the same machine and libraries:
    fitting uses one CPU thread, since sums split over threads are added in another order. On
    another processor the weights may differ.

    Args:
        pool: Windows to train on.
        validation: Windows that stop the fitting; none of them shares a sample with the pool's.
        seed: Decides the first weights and which windows are drawn.
        recipe: How to fit.
        report: Called after each epoch.

    Raises:
        ValueError: There is no validation window.
    """
    if not len(validation.labels):
        raise ValueError("there is no validation window to stop the fitting by")
    history: list[Epoch] = []
    best = 0
    with _reproducible(seed):
        network = Network()
        weights = network.state_dict()
        for epoch in _epochs(network, pool, validation, seed, recipe):
            history.append(epoch)
            if epoch.validation_loss <= history[best].validation_loss:
                best, weights = len(history) - 1, copy.deepcopy(network.state_dict())
            if report is not None:
                report(epoch)
            if len(history) - best > recipe.patience:
                break
        network.load_state_dict(weights)
    return Fit(network.eval(), tuple(history), best)


def _epochs(
    network: Network, pool: TrainingPool, validation: LabelledWindows, seed: int, recipe: Recipe
) -> Iterator[Epoch]:
    """Train the network for one epoch after another, and yield the result of each."""
    generator = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs)
    validated = _tensors(validation)
    for _ in range(recipe.epochs):
        drawn = _tensors(pool.draw(recipe.windows_per_class, generator))
        training_loss = _train(network, optimiser, drawn, recipe.batch_size)
        schedule.step()
        yield _epoch(network, training_loss, validated)


def _train(
    network: Network,
    optimiser: torch.optim.Optimizer,
    drawn: tuple[Tensor, Tensor],
    batch_size: int,
) -> float:
    """Take one step of the optimiser for each batch; return the mean loss."""
    windows, labels = drawn
    total = 0.0
    for begin in range(0, len(labels), batch_size):
        batch = slice(begin, begin + batch_size)
        loss = nn.functional.cross_entropy(network(windows[batch]), labels[batch], reduction="sum")
        optimiser.zero_grad()
        (loss / len(labels[batch])).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += loss.item()
    return total / len(labels)


@torch.inference_mode()
def _epoch(network: Network, training_loss: float, validated: tuple[Tensor, Tensor]) -> Epoch:
    windows, labels = validated
    logits = network(windows)
    return Epoch(
        training_loss=training_loss,
        validation_loss=nn.functional.cross_entropy(logits, labels).item(),
        validation_accuracy=(logits.argmax(dim=1) == labels).double().mean().item(),
    )


def _tensors(labelled: LabelledWindows) -> tuple[Tensor, Tensor]:
    return standardise(torch.from_numpy(labelled.windows)), torch.from_numpy(labelled.labels)


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """Set torch's seed and number of threads; restore both at the end."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
