"""The project's prose and names use the field's words, as the style in CONTRIBUTING.md asks.

A reader who knows Kafka, Python and NumPy must not have to translate. The words below were once
used in place of a standard term; the test finds them in identifiers, comments, docstrings, strings
and pages, and names the term to use.
"""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.paths import ROOT

WORDS: Final = {
    "rooms?|houses?|roofs?|floors?": "package, layer, entry point; capacity, free",
    "told|tells?|telling|said|says?|saying|heard": "log, report, notify, state, name, return",
    "hears? of": "is notified of, detects",
    "w(?:i|ou)nds? back|winding back": "rewind",
    "look(?:s|ed|ing)?(?! up)": "check, probe, poll, read",
    "answer(?:s|ed|ing)?": "result of a window, response of a broker or server",
    "whoever": "anyone who, the caller, the operator",
    "whatever (?:is|was|has|passes|comes|happens)": "everything that",
    "(?:error|failure|trouble)s? that pass(?:es)?": "transient",
    r"(?:do|does|will) not pass(?=\s*[.,;:)])": "fatal",
    "com(?:e|es|ing) again|came again|as (?:it|they) came": "retried, redelivered, unchanged",
    "st(?:and|ands|ood|anding) still": "is frozen, stalled",
    "doubt(?:s|ed|ful)?|flaw(?:s|ed)?": "quality flag, uncertain",
    "opinions?|verdicts?": "prediction, decision",
    "(?:is|are|was|far|falls?|fell) behind": "lag, lagging",
    "sweep(?:s|ing)?|swept": "abort, settle",
    r"for good(?=[.,;:)\n])": "permanently",
    "in the works": "in flight, in progress",
    "at hand": "available",
    "besides?": "next to, in addition to",
    "made.up (?!of)": "synthetic",
    r"undelivered(?=\()|(?:class|raise|except) undelivered": "TransientKafkaError, FatalKafkaError",
    r"returning(?=\()": "call_with_deadline",
    r"took(?=\s*[:=])": "record_duration",
    r"(?:drain|forget)(?=\()": "on_partitions_revoked, on_partitions_lost",
    r"\w*_made(?!_)": "a noun that names the thing",
}
"""Pattern → what to write instead. A space stands for white space, also between the lines of a
comment, or for an underscore; words begin and end at letters only, and case does not matter."""

ALLOWED: Final = {
    "noise floor": "the term of signal processing",
    "sink.drain()": "a method of asyncio",
    "_FLOOR_BINS": "the noise floor of a spectrum",
    "Math.floor": "a function of JavaScript",
    "`deleted_answers`": "the former name of a field, in the changelog",
}
"""Exact text in which a word above is right → the reason."""

NOT_OURS: Final = (
    *("tests/test_words.py", "bearing_stream/commands/page/static/vendor/uPlot.esm.js"),
    "bearing_stream/commands/page/static/vendor/uPlot.css",
)
"""This file, and those of others."""

NOT_YET: Final[tuple[str, ...]] = ()
"""Folders whose names and prose are not checked yet."""

FOLDERS: Final = (
    *("bearing_stream", "consumer", "model", "producer_sim", "training"),
    *("deploy", "docs", "tests", "tools", ".ci"),
)
"""The code and the pages. `assets` is made by `training`, whose code is checked."""

KINDS: Final = {
    *(".md", ".py", ".toml", ".yml", ".yaml", ".csv", ".json", ".sh", ".service"),
    *(".c", ".h", ".js", ".css", ".html"),
}

TOP_LEVEL: Final = (
    *("README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "Makefile", "Dockerfile"),
    *("pyproject.toml", "mkdocs.yml", "docker-compose.yml"),
)

HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where a word begins inside a name such as `LocalKafka`."""


def pattern_of(words: str) -> str:
    return words.replace(" ", r"[\s#_]+")


FORBIDDEN: Final = re.compile(
    r"(?<![a-z])(?:"
    + "|".join(
        f"(?P<w{number}>(?:{pattern_of(words)})(?![a-z]))" for number, words in enumerate(WORDS)
    )
    + ")",
    re.IGNORECASE,
)
"""Where a word begins is found first: of the other places, none tries the words."""
INSTEAD: Final = {f"w{number}": instead for number, instead in enumerate(WORDS.values())}


def offenders(name: str, text: str) -> Iterator[str]:
    """Yield `file:line: word` and what to write; line 0 is the name of the file."""
    text = f"{name}\n{text}"
    for allowed in ALLOWED:
        text = text.replace(allowed, "")
    text = HUMP.sub("_", text)
    for found in FORBIDDEN.finditer(text):
        line = text.count("\n", 0, found.start())
        word = " ".join(found[0].split())
        yield f"{name}:{line}: {word} (write: {INSTEAD[found.lastgroup or '']})"


def texts() -> Iterator[tuple[str, str]]:
    """Yield the path, relative to the root, and the text of every file that is checked."""
    files = [ROOT / name for name in TOP_LEVEL]
    for folder in FOLDERS:
        files += (path for path in (ROOT / folder).rglob("*") if path.suffix in KINDS)
    for path in sorted(files):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(NOT_YET) and name not in NOT_OURS:
            yield name, path.read_text(encoding="utf-8")


def test_the_field_s_words_are_used() -> None:
    found = [each for name, text in texts() for each in offenders(name, text)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "the consumer is told that",
        "_told_by = None",
        "heard, told = os.pipe()",
        "LOOK_TIMEOUT = 1.0",
        "class LastLook:",
        "# the positions wind\n    # back",
        "class Undelivered(Exception):",
        "self._made = 1",
        "with returning(5):",
        "It is closed for good.",
        "beside the broker",
        "def test_an_error_that_passes() -> None:",
    ],
)
def test_a_word_of_our_own_is_found(text: str) -> None:
    assert len(list(offenders("a.py", text))) >= 1


@pytest.mark.parametrize(
    "text",
    [
        "the client looks up the coordinator",
        "the noise floor of the spectrum",
        "for good windows the score is low",
        "undelivered messages are retried",
        "after returning (0.0)",
        "passes through four modules",
        "its change whatever the cause",
        "messages made: 3",
        "essay, aside, hindsight, wallhouses",
    ],
)
def test_plain_english_is_legal(text: str) -> None:
    assert list(offenders("a.py", text)) == []
