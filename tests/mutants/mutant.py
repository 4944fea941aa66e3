"""A line that handles a fault, and the test that fails without it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutant:
    """A line that is removed, and the test that must then fail."""

    fault: str
    file: str
    code: str
    """Text that occurs exactly once in the file."""
    replacement: str
    test: str
    """File under `tests/consumer`, and name of the test."""

    @property
    def test_path(self) -> str:
        """The test, as an argument of pytest."""
        return f"tests/consumer/{self.test}"

    def within(self, root: Path) -> str:
        """Return the text of the file without the line.

        Raises:
            ValueError: The line is missing, or occurs more than once.
        """
        text = (root / self.file).read_text()
        if text.count(self.code) != 1:
            raise ValueError(f"{self.file} contains {text.count(self.code)} times: {self.code}")
        return text.replace(self.code, self.replacement)


def table(mutants: Iterable[Mutant]) -> str:
    """Format the list as a table in Markdown."""
    rows = ["| fault | what handles it | the test that fails without |", "|---|---|---|"]
    for mutant in mutants:
        code = " ".join(mutant.code.split()).replace("|", "\\|")
        rows.append(f"| {mutant.fault} | `{mutant.file}`: `{code}` | `{mutant.test}` |")
    return "\n".join(rows) + "\n"
