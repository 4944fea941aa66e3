"""A bar for what takes half an hour."""

from rich.progress import Progress

from training.fit import Epoch


class Counting:
    """Counts folds, and the epochs of the network that is being fitted."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("reading", total=None)
        self._begun = 0
        self._epochs = 0
        self._what = ""

    def begin(self, folds: int) -> None:
        """Say how many folds there are, each seed counting as one."""
        self._progress.update(self._task, total=folds)

    def next(self, what: str) -> None:
        """Count the fold before, and say what is begun."""
        self._what, self._epochs = what, 0
        self._progress.update(self._task, completed=self._begun, description=what)
        self._begun += 1

    def epoch(self, _: Epoch) -> None:
        """Count an epoch."""
        self._epochs += 1
        self._progress.update(self._task, description=f"{self._what}, epoch {self._epochs}")
