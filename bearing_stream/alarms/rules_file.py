"""The rules of alarms as a TOML file.

At its top level stand the rules of all sensors, a table for each kind and one for the evidence. The
first `[[rule]]` whose patterns match a sensor overrides them, key by key:

    [bearing-fault]
    on_delay = "2s"

    [[rule]]
    source = "/plant-2/*"               # ce_source; * any text, ? any character, [ab] one of these
    sensor = "fan-*"                    # id of the sensor
    evidence = { running_rms = 0.05 }
    bearing-fault = { severity = "high" }
    indicator-high.limits = { velocity_rms = 4.5 }
"""

import time
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from bearing_stream.alarms.rules import Row, Rules, SensorRules

CHECK_INTERVAL: Final = 1.0
"""Seconds between two checks whether the file has changed."""

SIMILARITY: Final = 0.6
"""Ratio of difflib above which a known key is suggested for an unknown one."""

ROWS: Final = "rule"


class RulesError(Exception):
    """The rules cannot be used; the message names the file, the key and what was expected."""


def load(path: Path | None) -> Rules:
    """Read the rules; None for the defaults.

    Raises:
        RulesError: The file cannot be read, or a key or a value is wrong.
    """
    if path is None:
        return Rules()
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RulesError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, RulesError) as error:
        raise RulesError(f"{path}: {error}") from error


def parse(text: str) -> Rules:
    """Read rules from the text of a file; raises RulesError as `load` does."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"expected TOML: {error}") from error
    digest = sha256(to_json(content)).hexdigest()[:12]
    rows = content.pop(ROWS, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RulesError(f"expected rows, [[{ROWS}]], got {type(rows).__name__} for '{ROWS}'")
    default = _validated(SensorRules, content, "")
    return Rules(default, tuple(_row(content, row, i) for i, row in enumerate(rows, 1)), digest)


def _row(default: dict[str, Any], row: dict[str, Any], number: int) -> tuple[Row, SensorRules]:
    own = {key: value for key, value in row.items() if key not in Row.model_fields}
    patterns = {key: value for key, value in row.items() if key in Row.model_fields}
    where = f"[[{ROWS}]] {number}: "
    rules = _validated(SensorRules, _merged(default, own), where, tuple(Row.model_fields))
    if not patterns:
        raise RulesError(f"{where}expected a pattern, source or sensor")
    return _validated(Row, patterns, where), rules


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return one table over another, tables in them merged too."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _validated(model: Any, content: object, where: str, others: tuple[str, ...] = ()) -> Any:
    try:
        return model.model_validate(content, by_alias=True, by_name=False)
    except ValidationError as error:
        lines = [_line(model, detail, others) for detail in error.errors(include_url=False)]
        raise RulesError("\n".join(where + line for line in lines)) from None


def _line(model: type[BaseModel], detail: Any, others: tuple[str, ...]) -> str:
    """Return one line about an error: the key, what was expected and what came."""
    path = [str(step) for step in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        known = [*_keys(model, path[:-1]), *(others if len(path) == 1 else ())]
        near = get_close_matches(path[-1], known, 1, SIMILARITY)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
        return f"'{'.'.join(path)}' is no key of the rules; {hint}"
    message = detail["msg"].removeprefix("Value error, ")
    message = message.replace("Input should be", "Expected", 1)
    value = "" if "got" in message else f", got {detail['input']!r}"
    return f"{'.'.join(path) + ': ' if path else ''}{message[0].lower()}{message[1:]}{value}"


def _keys(model: Any, path: list[str]) -> list[str]:
    """Return the keys of the table at a path."""
    for step in path:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        model = fields[step].annotation
    return [field.alias or name for name, field in model.model_fields.items()]


class RulesWatch:
    """Watches a file of rules, so that a change applies without a restart."""

    def __init__(
        self, path: Path | None, rules: Rules, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Watch from now on.

        Args:
            path: The file; None for the defaults, which do not change.
            rules: What was read from it.
            clock: Monotonic seconds.
        """
        self._path = path
        self._digest = rules.digest
        self._clock = clock
        self._checked_at = clock()
        self._problem = ""

    def changed(self) -> Rules | None:
        """Return the rules if they have changed; None if not, or if it is not time to check.

        Raises:
            RulesError: The file is invalid now; once for each problem. The rules in use remain.
        """
        now = self._clock()
        if self._path is None or now - self._checked_at < CHECK_INTERVAL:
            return None
        self._checked_at = now
        try:
            rules = load(self._path)
        except RulesError as error:
            if str(error) == self._problem:
                return None
            self._problem = str(error)
            raise
        self._problem = ""
        if rules.digest == self._digest:
            return None
        self._digest = rules.digest
        return rules
