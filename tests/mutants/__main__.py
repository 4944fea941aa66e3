"""Remove the lines that handle the faults of `make chaos`, and check that a test fails.

`python -m tests.mutants` removes each line in a copy, one at a time, and runs its test there; it
takes eight minutes. `python -m tests.mutants WORD` does so with the mutants whose fault contains
the word, and `--table` prints the list as Markdown.
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
"""Libraries that take long to import; the process of every test is a fork with them loaded."""

NOT_RUN: Final = 99
"""Exit status of a test that could not be run; pytest's own are smaller."""


def survives(mutant: Mutant, copy: Path) -> bool:
    """Whether the test passes although the line is missing."""
    path = copy / mutant.file
    whole = path.read_text()
    path.write_text(mutant.within(copy))
    try:
        child = os.fork()
        if not child:
            code = NOT_RUN
            try:
                code = _run_test(mutant, copy)
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
    finally:
        path.write_text(whole)
    code = os.waitstatus_to_exitcode(status)
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise click.ClickException(f"{mutant.test_path} does not run (status {code})")
    return code == pytest.ExitCode.OK


def _run_test(mutant: Mutant, copy: Path) -> int:
    """Run a test in the copy, in a process that has not imported the project yet."""
    os.chdir(copy)
    sys.path[0] = str(copy)
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", mutant.test_path]))


def _copy_project(folder: Path) -> None:
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
@click.option("--table", "only_print", is_flag=True, help="Print the list as Markdown.")
def command(word: str, only_print: bool) -> None:
    """Remove the lines that handle the faults, one at a time; each removal must fail a test."""
    mutants = [mutant for mutant in MUTANTS if word in mutant.fault]
    if only_print:
        click.echo(table(mutants), nl=False)
        return
    sys.dont_write_bytecode = True
    for name in PRELOADED:
        import_module(name)
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        _copy_project(Path(folder))
        for mutant in mutants:
            survived = survives(mutant, Path(folder))
            survivors += survived
            outcome = click.style("SURVIVES", fg="red") if survived else "fails without"
            click.echo(f"{mutant.fault}: {mutant.test} {outcome} {mutant.code.split()[0]}")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    command()
