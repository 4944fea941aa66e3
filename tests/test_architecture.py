"""Imports go down the layers only, and no package loads a library that it must not load."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.paths import ROOT

COMMANDS = "bearing_stream.commands"

TOP_LEVEL = ("assets", "bearing_stream", "consumer", "model", "producer_sim", "training")
"""What the wheel puts into site-packages."""

IMPORTS: dict[str, set[str]] = {
    "assets": set(),
    "bearing_stream": {"vocabulary", "wire"},
    "bearing_stream.vocabulary": set(),
    "bearing_stream.sampling": {"vocabulary"},
    "bearing_stream.program": set(),
    "bearing_stream.local_kafka": set(),
    "bearing_stream.config": set(),
    "bearing_stream.logs": set(),
    "bearing_stream.observability": set(),
    "bearing_stream.kafka": {"config"},
    "bearing_stream.wire": {"sampling", "vocabulary"},
    "bearing_stream.alarms": {"vocabulary", "wire"},
    "bearing_stream.recordings": {"config", "sampling", "vocabulary"},
    "model": {"config", "vocabulary"},
    "training": {"model", "recordings", "vocabulary"},
    "producer_sim": {"config", "kafka", "recordings", "sampling", "vocabulary", "wire"},
    "consumer": {
        *("config", "kafka", "logs", "model", "observability", "program", "sampling"),
        *("vocabulary", "wire"),
    },
    f"{COMMANDS}.baseline": {
        *("commands.terminal", "config", "kafka", "model", "recordings", "sampling"),
        *("vocabulary", "wire"),
    },
    f"{COMMANDS}.capacity": {
        *("commands.terminal", "config", "kafka", "local_kafka", "program", "vocabulary"),
    },
    f"{COMMANDS}.http_server": {"logs"},
    f"{COMMANDS}.page": {
        *("alarms", "commands.alarms", "commands.http_server", "config", "kafka", "logs"),
        *("model", "sampling", "vocabulary", "wire"),
    },
    f"{COMMANDS}.alarms": {
        *("alarms", "commands.terminal", "config", "consumer", "kafka", "logs"),
        *("observability", "wire"),
    },
    f"{COMMANDS}.terminal": set(),
    f"{COMMANDS}.dead_letters": {"commands.terminal", "config", "kafka", "wire"},
    f"{COMMANDS}.demo": {
        *("commands.alarms", "commands.verify", "commands.watch", "config", "kafka"),
        *("local_kafka", "producer_sim", "program", "recordings", "vocabulary", "wire"),
    },
    f"{COMMANDS}.diagnose": {
        *("commands.terminal", "config", "model", "recordings", "sampling", "vocabulary"),
    },
    f"{COMMANDS}.serve": {
        *("commands.http_server", "config", "logs", "model", "sampling", "vocabulary", "wire"),
    },
    f"{COMMANDS}.transactions": {"commands.terminal", "config", "kafka"},
    f"{COMMANDS}.verify": {"commands.terminal", "config", "kafka", "wire"},
    f"{COMMANDS}.watch": {"commands.terminal", "config", "kafka", "wire"},
    "bearing_stream.cli": {"program"},
}
"""Package → exactly the project's packages that it imports, without the prefix `bearing_stream.`.

`bearing_stream.cli` imports a command when that command runs: `tests/bearing_stream/test_cli.py`.
"""

KEPT_OUT = {
    "bearing_stream.vocabulary": {"torch", "confluent_kafka", "pydantic", "numpy"},
    "bearing_stream.sampling": {"torch", "confluent_kafka", "scipy"},
    "bearing_stream.config": {"torch", "confluent_kafka", "numpy"},
    "bearing_stream.logs": {"torch", "confluent_kafka", "numpy"},
    "bearing_stream.observability": {"torch", "confluent_kafka", "pydantic"},
    "bearing_stream.kafka": {"torch", "numpy"},
    "bearing_stream.wire": {"torch", "confluent_kafka"},
    "bearing_stream.alarms": {"torch", "confluent_kafka"},
    "bearing_stream.recordings": {"torch", "confluent_kafka"},
    "bearing_stream.local_kafka": {"torch", "numpy", "pydantic"},
    "model": {"confluent_kafka"},
    "model.physics": {"torch", "confluent_kafka"},
    "producer_sim": {"torch"},
    "consumer": {"torch"},
    f"{COMMANDS}.alarms": {"torch"},
    f"{COMMANDS}.baseline": {"torch"},
    f"{COMMANDS}.capacity": {"torch"},
    f"{COMMANDS}.page": {"torch"},
    f"{COMMANDS}.watch": {"torch"},
    f"{COMMANDS}.transactions": {"torch"},
    f"{COMMANDS}.verify": {"torch"},
    f"{COMMANDS}.dead_letters": {"torch"},
    f"{COMMANDS}.serve": {"torch", "confluent_kafka"},
    f"{COMMANDS}.diagnose": {"torch", "confluent_kafka"},
}
"""Package → the libraries that importing it must not load, directly or indirectly."""


def files_of(package: str) -> list[Path]:
    """Return the source files of a package or a module; of `bearing_stream` its `__init__` only."""
    path = ROOT / package.replace(".", "/")
    if package == "bearing_stream":
        return [path / "__init__.py"]
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def package_of(module: str) -> str | None:
    """Return the package of `IMPORTS` that holds a module; None for a library."""
    holding = [name for name in IMPORTS if f"{module}.".startswith(f"{name}.")]
    return max(holding, key=len, default=None)


def imported(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports, anywhere in the file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports here are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_every_installed_module_belongs_to_a_layer() -> None:
    modules = [module_of(file) for name in TOP_LEVEL for file in (ROOT / name).rglob("*.py")]
    unplaced = {name for name in modules if package_of(name) == "bearing_stream"}
    assert unplaced == {"bearing_stream", "bearing_stream.__main__", COMMANDS}


@pytest.mark.parametrize("package", IMPORTS)
def test_a_package_imports_exactly_the_listed_packages(package: str) -> None:
    used = {package_of(name) for file in files_of(package) for name in imported(file)}
    assert {name.removeprefix("bearing_stream.") for name in used - {None, package} if name} == (
        IMPORTS[package]
    )


@pytest.mark.parametrize("package", IMPORTS)
def test_nothing_installed_imports_tests_or_tools(package: str) -> None:
    roots = {name.split(".")[0] for file in files_of(package) for name in imported(file)}
    assert not roots & {"tests", "tools"}


def test_imports_have_no_cycle() -> None:
    """No package imports one that imports it, directly or indirectly; a cycle raises CycleError."""
    full = {name.removeprefix("bearing_stream."): below for name, below in IMPORTS.items()}
    assert set(TopologicalSorter(full).static_order()) == set(full)


LOADED = """
import importlib, json, os, sys

for libraries, packages in json.loads(sys.argv[1]):
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0, packages
        continue
    for package, modules in packages:
        for module in modules:
            importlib.import_module(module)
        print(json.dumps([package, sorted(sys.modules.keys() & set(libraries))]))
    sys.stdout.flush()
    os._exit(0)
"""
"""Program that prints, for each package, which of some libraries importing all its modules loads.

Packages that must not load the same libraries are imported one after the other in one process, so
that torch is imported once and not by each: the first with such a library is the one that loads it.
"""


@pytest.mark.slow
def test_no_package_loads_a_library_that_it_must_not_know() -> None:
    groups: dict[tuple[str, ...], list[tuple[str, list[str]]]] = {}
    for package, libraries in KEPT_OUT.items():
        modules = [module_of(file) for file in files_of(package) if file.name != "__main__.py"]
        groups.setdefault(tuple(sorted(libraries)), []).append((package, modules))
    ran = subprocess.run(
        [sys.executable, "-c", LOADED, json.dumps(list(groups.items()))],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert dict(map(json.loads, ran.stdout.splitlines())) == {package: [] for package in KEPT_OUT}
