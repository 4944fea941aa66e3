"""The requirements of this project, and those of the distributions that it requires."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any, Final

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.paths import ROOT

PROJECT: Final = "bearing-stream"


@dataclass(frozen=True, slots=True)
class Needed:
    """A requirement, and the distribution that declares it."""

    requirement: Requirement
    by: str


def extras() -> dict[str, list[str]]:
    """Extra → its requirements, as pyproject.toml has them."""
    optional: dict[str, list[str]] = project()["optional-dependencies"]
    return optional


@cache
def everything_needed(*wanted: str) -> dict[str, list[Needed]]:
    """Distribution → who requires it: this project with these extras, directly or not.

    A requirement whose marker does not apply to this platform is left out, and so is what a
    distribution requires that is not installed.
    """
    found: dict[str, list[Needed]] = {}
    seen = set()
    queue = [(PROJECT, frozenset(wanted))]
    while queue:
        name, of_extras = queue.pop()
        if (name, of_extras) in seen:
            continue
        seen.add((name, of_extras))
        for requirement in _requirements(name, of_extras):
            needed = canonicalize_name(requirement.name)
            if needed != PROJECT:
                found.setdefault(needed, []).append(Needed(requirement, name))
            queue.append((needed, frozenset(requirement.extras)))
    return found


def installed(name: str) -> Distribution | None:
    """Return a distribution; None if it is not installed."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


@cache
def project() -> dict[str, Any]:
    """The table `project` of pyproject.toml."""
    # As it is written, not as it was at the last installation.
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def _requirements(name: str, of_extras: frozenset[str]) -> Iterator[Requirement]:
    for text in _declared(name):
        requirement = Requirement(text)
        if any(_applies(requirement.marker, extra) for extra in of_extras | {""}):
            yield requirement


def _declared(name: str) -> list[str]:
    if name != PROJECT:
        dist = installed(name)
        return list(dist.requires or ()) if dist else []
    texts: list[str] = project()["dependencies"]
    return texts + [
        f"{text}{' and' if ';' in text else ' ;'} extra == '{extra}'"
        for extra, requirements in extras().items()
        for text in requirements
    ]


def _applies(marker: Marker | None, extra: str) -> bool:
    return marker is None or marker.evaluate({"extra": extra})
