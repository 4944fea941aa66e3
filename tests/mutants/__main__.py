"""Take out the lines that handle the faults of `make chaos`, and see that a test fails.

`python -m tests.mutants` takes each out of a copy, one at a time, and runs its test there, in two
minutes. `python -m tests.mutants WORD` does so with those whose fault has that word, and `--table`
prints the list as Markdown.
"""

import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Final

import click
import pytest

from tests.mutants.listed import MUTANTS
from tests.mutants.mutant import Mutant, table
from tests.paths import ROOT

PRELOADED: Final = ("confluent_kafka", "pydantic", "scipy", "structlog", "torch")
"""What takes long to import and is not ours; every test forks from there."""

NOT_RUN: Final = 99
"""Exit status of a test that could not be run; pytest's own are small."""


def survives(mutant: Mutant, copy: Path) -> bool:
    """Whether its test passes all the same."""
    path = copy / mutant.file
    whole = path.read_text()
    path.write_text(mutant.within(copy))
    try:
        child = os.fork()
        if not child:
            code = NOT_RUN
            try:
                code = _tested(mutant, copy)
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
    finally:
        path.write_text(whole)
    code = os.waitstatus_to_exitcode(status)
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise click.ClickException(f"{mutant.place} does not run (status {code})")
    return code == pytest.ExitCode.OK


def _tested(mutant: Mutant, copy: Path) -> int:
    """Run a test in the copy, with nothing of ours imported yet."""
    os.chdir(copy)
    sys.path[0] = str(copy)
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", mutant.place]))


def _copied(folder: Path) -> None:
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    subprocess.run(
        ["cp", "--parents", "--target-directory", folder, *files.decode().split("\0")[:-1]],
        cwd=ROOT,
        check=True,
    )


@click.command()
@click.argument("word", default="")
@click.option("--table", "only_tell", is_flag=True, help="Write the list as Markdown.")
def command(word: str, only_tell: bool) -> None:
    """Take out, one at a time, the lines that handle the faults; each is to fail its test."""
    mutants = [mutant for mutant in MUTANTS if word in mutant.fault]
    if only_tell:
        click.echo(table(mutants), nl=False)
        return
    sys.dont_write_bytecode = True
    for name in PRELOADED:
        import_module(name)
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        _copied(Path(folder))
        for mutant in mutants:
            survived = survives(mutant, Path(folder))
            survivors += survived
            verdict = click.style("SURVIVES", fg="red") if survived else "fails without"
            click.echo(f"{mutant.fault}: {mutant.test} {verdict} {mutant.code.split()[0]}")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    command()
