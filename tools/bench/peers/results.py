"""Every measurement in a file, so that an interrupted comparison is continued."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal

from bearing_stream.commands.capacity.conclusion import OTHERS_LIMIT
from tools.bench.peers.installing import ROOT
from tools.bench.peers.latency import Latency
from tools.bench.peers.throughput import Throughput

MAX_AGE: Final = 24 * 3600.0
"""Seconds after which a comparison is not continued but begun anew."""

MEASURED_CODE: Final = (
    "assets",
    "bearing_stream",
    "consumer",
    "model",
    "producer_sim",
    "tools/bench",
)

Kind = Literal["throughput", "latency"]

RESULTS: Final = {"throughput": Throughput, "latency": Latency}


@dataclass(frozen=True, slots=True)
class Entry:
    """One measurement of one contender."""

    kind: Kind
    name: str
    turn: int
    """Number of the round, from 0; for latency, the number of sensors."""
    result: Throughput | Latency

    @property
    def disturbed(self) -> bool:
        """Whether others used more of the processor meanwhile than `OTHERS_LIMIT`."""
        return self.result.others_cores > OTHERS_LIMIT


class ResultsFile:
    """The entries of a comparison; a later one replaces an earlier one of the same turn."""

    def __init__(self, path: Path, settings: Mapping[str, Any], *, anew: bool) -> None:
        """Open the file; continue the comparison in it if it is the same one.

        Args:
            path: One JSON object a line, the first of which holds the settings.
            settings: What must be the same: options, machine, versions and code.
            anew: Forget what is in the file.
        """
        self._path = path
        self._entries: dict[tuple[str, str, int], Entry] = {}
        if anew or not self._load(settings):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"settings": settings, "at": time.time()}) + "\n")

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries."""
        return tuple(self._entries.values())

    def get(self, kind: Kind, name: str, turn: int) -> Entry | None:
        """Return an entry that need not be measured again: one that was not disturbed."""
        found = self._entries.get((kind, name, turn))
        return found if found is not None and not found.disturbed else None

    def add(self, entry: Entry) -> None:
        """Add an entry, and write it."""
        self._entries[entry.kind, entry.name, entry.turn] = entry
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(entry)) + "\n")

    def _load(self, settings: Mapping[str, Any]) -> bool:
        """Read the file; returns whether it is of the same comparison."""
        try:
            first, *lines = map(json.loads, self._path.read_text().splitlines())
        except (OSError, ValueError):
            return False
        given = json.loads(json.dumps(settings))
        if first.get("settings") != given or time.time() - first["at"] > MAX_AGE:
            return False
        for line in lines:
            result = RESULTS[line["kind"]](**line["result"])
            entry = Entry(line["kind"], line["name"], line["turn"], result)
            self._entries[entry.kind, entry.name, entry.turn] = entry
        return True


def code_digest() -> str:
    """Return eight hex digits that change with the code that is measured."""
    digest = blake2b(digest_size=4)
    for file in sorted(_files(ROOT / folder for folder in MEASURED_CODE)):
        digest.update(str(file).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and file.suffix in {".py", ".c", ".h", ".so", ".java", ".xml"}:
                yield file
