"""Every command exists, and its help imports nothing heavy."""

import os
import subprocess
import sys
from typing import NoReturn

import pytest
from click.testing import CliRunner

from bearing_stream.cli import COMMANDS, main
from bearing_stream.program import PROGRAM


def test_help_lists_every_command() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name, (_, line) in COMMANDS.items():
        assert name in result.output
        assert line.split(",")[0] in " ".join(result.output.split())


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], []])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    heavy = {"torch", "numpy", "scipy", "matplotlib", "confluent_kafka", "pydantic", "rich"}
    program = (
        "import sys; from bearing_stream.cli import main;"
        f"main({arguments}, standalone_mode=False) if {arguments} else None;"
        f"print('loaded', sorted({heavy} & sys.modules.keys()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[-1] == "loaded []"


def test_help_to_consume_does_not_import_torch() -> None:
    program = (
        "import sys; from bearing_stream.cli import main;"
        "main(['consume', '--help'], standalone_mode=False);"
        "print('loaded', 'torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[-1] == "loaded False"


def test_threads_of_numpy_that_have_nothing_to_do_leave_the_cores_to_others() -> None:
    program = """
import time
import bearing_stream.cli
import numpy
from threadpoolctl import threadpool_limits

one, other = numpy.ones((2432, 150), "float32"), numpy.ones((150, 250), "float32")
used = slept = 0.0
with threadpool_limits(2, "blas"):
    for _ in range(20):
        one @ other
        processor, began = time.process_time(), time.monotonic()
        time.sleep(0.02)
        used += time.process_time() - processor
        slept += time.monotonic() - began
print(used / slept)
"""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS")
    }
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert float(ran.stdout) < 0.3


def test_an_unknown_command_is_refused_by_name() -> None:
    result = CliRunner().invoke(main, ["predict"])
    assert result.exit_code == 2
    assert "No such command 'predict'" in result.output


def test_a_misspelt_command_is_suggested() -> None:
    result = CliRunner().invoke(main, ["consum"])
    assert result.exit_code == 2
    assert result.output.endswith("Error: No such command 'consum'; did you mean 'consume'?\n")


def test_ctrl_c_before_the_program_is_loaded_prints_no_traceback() -> None:
    program = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
import bearing_stream.cli
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


def test_ctrl_c_while_a_command_is_imported_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("bearing_stream.cli.import_module", interrupted)
    result = CliRunner().invoke(main, ["demo"])
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


def test_python_m_bearing_stream_is_the_same() -> None:
    ran = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("bearing-stream, version ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_has_a_help(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: main {name} ")
    assert len(result.output.splitlines()) > 3
