"""The house stands as it is drawn: imports only run down, and each room keeps out what it must."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MAY_IMPORT: dict[str, set[str]] = {
    "vocabulary": set(),
    "settings": set(),
    "assets": set(),
    "kafka_client": {"settings"},
    "model": {"vocabulary", "settings"},
    "recordings": {"vocabulary", "settings"},
    "messages": {"vocabulary", "settings", "kafka_client"},
    "signals": {"vocabulary"},
    "assessment": {"vocabulary", "settings", "model", "recordings", "signals"},
    "training": {"vocabulary", "settings", "model", "recordings", "signals", "assessment"},
    "producer_sim": {"vocabulary", "settings", "kafka_client", "messages", "recordings"},
    "consumer": {"vocabulary", "settings", "kafka_client", "messages", "assessment", "model"},
    "watch": {"vocabulary", "settings", "kafka_client", "messages"},
    "api": {"vocabulary", "settings", "assessment", "model"},
    "diagnose": {"vocabulary", "settings", "assessment", "model", "recordings"},
    "verification": {"vocabulary", "settings", "kafka_client", "messages"},
    "dead_letters": {"vocabulary", "settings", "kafka_client", "messages"},
    "chaos": {
        "vocabulary",
        "settings",
        "kafka_client",
        "messages",
        "producer_sim",
        "verification",
        "local_kafka",
    },
    "demo": {
        "vocabulary",
        "settings",
        "kafka_client",
        "messages",
        "recordings",
        "model",
        "assessment",
        "producer_sim",
        "consumer",
        "watch",
        "local_kafka",
    },
    "local_kafka": set(),
}
MAY_IMPORT["cli"] = set(MAY_IMPORT)
"""Room → the rooms of ours that it may import. That the roof loads one only when it is called for,
tests/cli holds it to."""

KEPT_OUT = {
    "vocabulary": {"torch", "confluent_kafka", "pydantic", "numpy"},
    "settings": {"torch", "confluent_kafka", "numpy"},
    "kafka_client": {"torch", "numpy"},
    "messages": {"torch"},
    "recordings": {"torch", "confluent_kafka"},
    "model": {"confluent_kafka"},
    "signals": {"torch", "confluent_kafka"},
    "assessment": {"confluent_kafka"},
    "producer_sim": {"torch"},
    "watch": {"torch"},
    "verification": {"torch"},
    "dead_letters": {"torch"},
    "api": {"confluent_kafka"},
    "diagnose": {"confluent_kafka"},
    "local_kafka": {"torch", "numpy", "pydantic"},
}
"""Room → the libraries that nothing in it may load, not even by way of another room."""


def packages() -> set[str]:
    """Every package at the top that is ours."""
    return {file.parent.name for file in ROOT.glob("*/__init__.py")} - {"tests", "bench"}


def imports(room: str) -> Iterator[tuple[Path, str]]:
    """Each import in a room, wherever in a file it stands: the file and the top-level name."""
    for file in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name.split(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: imports here are absolute"
                assert node.module
                yield file, node.module.split(".")[0]


def test_every_room_has_its_floor() -> None:
    assert packages() == set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_only_run_down(room: str) -> None:
    allowed = MAY_IMPORT[room] | {room}
    ours = set(MAY_IMPORT) | {"tests", "bench"}
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file, name in imports(room)
        if name in ours and name not in allowed
    ]
    assert wrong == []


def test_the_floors_have_no_way_round() -> None:
    """No room may import, by however many steps, one that may import it."""

    def below(room: str) -> set[str]:
        return MAY_IMPORT[room].union(*(below(other) for other in MAY_IMPORT[room]))

    assert [room for room in MAY_IMPORT if room in below(room)] == []


@pytest.mark.parametrize("room", KEPT_OUT)
def test_a_room_loads_nothing_that_it_must_not_know(room: str) -> None:
    modules = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in (ROOT / room).rglob("*.py")
        if file.name != "__main__.py"
    ]
    program = (
        f"import importlib, sys; [importlib.import_module(name) for name in {modules}];"
        f"print(sorted({KEPT_OUT[room]} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
