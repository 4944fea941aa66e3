"""A progress bar for an evaluation, which takes half an hour."""

from rich.progress import Progress

from training.fit import Epoch


class Counting:
    """Counts folds, and the epochs of the network that is being fitted."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("reading", total=None)
        self._begun = 0
        self._epochs = 0
        self._name = ""

    def begin(self, folds: int) -> None:
        """Set the number of folds, counting each seed."""
        self._progress.update(self._task, total=folds)

    def next(self, name: str) -> None:
        """Count the previous fold, and show the name of the next."""
        self._name, self._epochs = name, 0
        self._progress.update(self._task, completed=self._begun, description=name)
        self._begun += 1

    def epoch(self, _: Epoch) -> None:
        """Count an epoch."""
        self._epochs += 1
        self._progress.update(self._task, description=f"{self._name}, epoch {self._epochs}")
