"""A line that handles a fault, and the test that fails without it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutant:
    """A line that is taken out."""

    fault: str
    file: str
    code: str
    """As it stands there, once."""
    instead: str
    test: str
    """File under `tests/consumer`, and name."""

    @property
    def place(self) -> str:
        """Of its test, as pytest takes it."""
        return f"tests/consumer/{self.test}"

    def within(self, root: Path) -> str:
        """The file without the line.

        Raises:
            ValueError: The line is not there, or more than once.
        """
        text = (root / self.file).read_text()
        if text.count(self.code) != 1:
            raise ValueError(f"{self.file} has {text.count(self.code)} times: {self.code}")
        return text.replace(self.code, self.instead)


def table(mutants: Iterable[Mutant]) -> str:
    """As Markdown."""
    rows = ["| fault | what handles it | the test that fails without |", "|---|---|---|"]
    for mutant in mutants:
        code = " ".join(mutant.code.split()).replace("|", "\\|")
        rows.append(f"| {mutant.fault} | `{mutant.file}`: `{code}` | `{mutant.test}` |")
    return "\n".join(rows) + "\n"
