"""The wheel: the names that it installs, and that it runs in a folder of any content."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from bearing_stream.cli import COMMANDS
from tests.packaging.requirements import everything_needed
from tests.paths import ROOT
from tests.test_architecture import TOP_LEVEL

pytestmark = pytest.mark.slow

BUILD: Final = """
import sys
from setuptools import build_meta

output = sys.argv[1]  # setuptools puts arguments of its own there
build_meta.build_sdist(output)
build_meta.build_wheel(output)
"""

METADATA: Final = {
    *("LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg", "setup.py")
}
"""Files at the top of the sdist, with what setuptools adds."""

DECOYS: Final = (
    "api",
    "assets",
    "bearing_stream",
    "cli",
    "click",
    "config",
    "consumer",
    "demo",
    "kafka",
    "messages",
    "model",
    "numpy",
    "producer_sim",
    "program",
    "settings",
    "signals",
    "training",
    "vocabulary",
    "watch",
    "wire",
)
"""Names that this project imports, has now or had once. A user's folder may hold the same."""

HELP: Final = """
import contextlib, json, os, runpy, sys

script, *commands = sys.argv[1:]
for command in commands:
    sys.argv = [script, command, "--help"]
    with contextlib.suppress(SystemExit):
        runpy.run_path(script, run_name="__main__")
names = json.loads(os.environ["NAMES"])
print("FILES", json.dumps([sys.modules[name].__file__ for name in names]))
"""
"""Runs `--help` of each command by the console script, in one process: torch is imported once."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the sdist, built from a copy without the network."""
    source, output = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for folder in (*TOP_LEVEL, "tests", "tools"):
        shutil.copytree(
            ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__", "*.so")
        )
    run([sys.executable, "-c", BUILD, str(output)], source)
    return output


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [wheel] = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the wheel.

    Its dependencies are those of the environment that runs the tests, found by a path file.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel)], folder)
    [packages] = folder.glob("lib/python*/site-packages")
    places = {str(distribution(name).locate_file("")) for name in everything_needed("all")}
    assert str(ROOT) not in places
    (packages / "dependencies.pth").write_text("\n".join(sorted(places)))
    return folder / "bin"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a recording, and modules that raise when they are imported."""
    folder = tmp_path_factory.mktemp("decoys")
    for name in DECOYS:
        decoy = f"raise AssertionError('imported {name} from the working folder')\n"
        (folder / f"{name}.py").write_text(decoy)
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(decoy)
    np.save(folder / "recording.npy", np.random.default_rng(7).normal(size=24_000))
    return folder


def run(command: Sequence[str], folder: Path, **environment: str) -> str:
    """What a command prints, started in a folder without what this process's environment names."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "BEARING_STREAM_", "CWRU_", "PIP_", "VIRTUAL_ENV"))
    }
    ran = subprocess.run(
        command, cwd=folder, env=inherited | environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def ways(scripts: Path) -> dict[str, list[str]]:
    """The two ways in which users start the program."""
    return {
        "script": [str(scripts / "bearing-stream")],
        "module": [str(scripts / "python"), "-P", "-m", "bearing_stream"],
    }


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.partition("/")[0] for name in archive.namelist()}
    version = wheel.name.split("-")[1]
    assert top == {*TOP_LEVEL, f"bearing_stream-{version}.dist-info"}


def test_the_wheel_holds_the_files_of_the_page(wheel: Path) -> None:
    folder = "bearing_stream/commands/page/static"
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith(folder)}
    assert held == {
        path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()
    }


@pytest.mark.skipif(not shutil.which("cc"), reason="the kernel in C needs a C compiler")
def test_one_wheel_with_the_kernel_serves_every_python_of_a_platform(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert "model/backends/_kernel.so" in archive.namelist()
    assert wheel.name.split("-")[2:4] == ["py3", "none"]
    assert not wheel.name.endswith("-any.whl")


def test_the_sdist_holds_the_packages_and_what_builds_them(built: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        paths = [Path(name).parts[1:] for name in archive.getnames()]
    top = {parts[0] for parts in paths if parts}
    assert top == {*TOP_LEVEL, *METADATA, "bearing_stream.egg-info"}


@pytest.mark.parametrize("way", ["script", "module"])
def test_it_starts_in_a_folder_of_decoys(way: str, scripts: Path, folder: Path) -> None:
    start = ways(scripts)[way]
    printed = run([*start, "diagnose", "--rate=12000", "recording.npy"], folder)
    assert "recording.npy" in printed
    assert run([*start, "--help"], folder).startswith("Usage: ")


def test_the_decoys_are_found_where_the_folder_is_on_the_path(scripts: Path, folder: Path) -> None:
    """Without this, the tests around this one show nothing."""
    command = [str(scripts / "python"), "-m", "bearing_stream", "--help"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert "imported bearing_stream from the working folder" in ran.stderr


def test_every_command_explains_itself_in_a_folder_of_decoys(scripts: Path, folder: Path) -> None:
    python, script = scripts / "python", scripts / "bearing-stream"
    names = json.dumps([name for name in TOP_LEVEL if name != "assets"])
    printed = run([str(python), "-Pc", HELP, str(script), *COMMANDS], folder, NAMES=names)
    *_, files = printed.splitlines()
    for command in COMMANDS:
        assert f"Usage: bearing-stream {command} " in printed
    imported = json.loads(files.removeprefix("FILES "))
    assert [file for file in imported if not file.startswith(str(scripts.parent))] == []


@pytest.mark.integration
def test_the_demo_runs_in_a_folder_of_decoys(scripts: Path, folder: Path) -> None:
    """With its own Kafka, and in processes of its own."""
    options = ("--seconds=3", "--backlog=500", "--output=demo.json")
    run([*ways(scripts)["script"], "demo", *options], folder)
    summary = json.loads((folder / "demo.json").read_text())
    assert summary["broker"] == "local"
    assert (summary["lost"], summary["duplicated"]) == (0, 0)
    assert summary["windows_sent"] > 500


def test_no_process_is_started_with_the_current_folder_on_its_path() -> None:
    """`python FILE`, `-m` and `-c` put a folder onto the path; `-P` and `-I` keep it off."""
    started = {
        file.relative_to(ROOT).as_posix(): re.findall(r"sys\.executable, (.*)", text)
        for name in TOP_LEVEL
        for file in (ROOT / name).rglob("*.py")
        if "sys.executable" in (text := file.read_text())
    }
    assert started.keys() == {
        "bearing_stream/program.py",
        "bearing_stream/local_kafka/processes.py",
    }
    assert [arguments.startswith(('"-P"', '"-IS"')) for [arguments] in started.values()] == [
        True
    ] * 2
