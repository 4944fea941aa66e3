"""Reads the receivers from a TOML file, `[[receiver]]` for each, and checks all of it at once."""

import tomllib
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from bearing_stream.commands.alarms.notify.checks import checked_line, checked_url
from bearing_stream.commands.alarms.notify.receivers import (
    KINDS,
    Alertmanager,
    Email,
    Receiver,
    Webhook,
)
from bearing_stream.commands.alarms.notify.secret import SecretError, SecretSource, read
from bearing_stream.commands.alarms.notify.signature import SignatureError, keys_of
from bearing_stream.commands.terminal import printable
from bearing_stream.config import suggestion

ROWS: Final = "receiver"

SECRET_KEYS: Final = frozenset({"url", "headers", "signing_secret", "password"})
"""Keys of which what was given is not shown: it may be the secret."""

LONGEST_SHOWN: Final = 60
"""Characters of what was given."""


class ReceiversError(Exception):
    """The receivers cannot be used; the message names the file, the key and what was expected."""


def load(path: Path) -> list[Receiver]:
    """Read the receivers, and check that every secret can be read.

    Raises:
        ReceiversError: The file cannot be read, a key or a value is wrong, or a secret is missing.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReceiversError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, ReceiversError) as error:
        raise ReceiversError(
            "\n".join(f"{path}: {line}" for line in str(error).splitlines())
        ) from error


def parse(text: str) -> list[Receiver]:
    """Read receivers from the text of a file; raises ReceiversError as `load` does."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ReceiversError(f"expected TOML: {error}") from error
    rows = content.pop(ROWS, [])
    for name in content:
        raise ReceiversError(f"expected [[{ROWS}]] only, got '{name}'{suggestion(name, [ROWS])}")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise ReceiversError(f"expected at least one [[{ROWS}]]")
    problems: list[str] = []
    found = [_receiver(row, f"[[{ROWS}]] {number}", problems) for number, row in enumerate(rows, 1)]
    receivers = [each for each in found if each is not None]
    for name, times in Counter(each.name for each in receivers).items():
        if times > 1:
            problems.append(f"expected different names, got {name!r} {times} times")
    if problems:
        # A line break in a name or a key must not begin another line.
        raise ReceiversError("\n".join(map(printable, problems)))
    return receivers


def chosen(receivers: list[Receiver], names: Collection[str]) -> list[Receiver]:
    """Return the receivers of these names, or all without names.

    Raises:
        ReceiversError: There is none of a name.
    """
    known = [each.name for each in receivers]
    for name in names:
        if name not in known:
            near = suggestion(name, known) or f"; there are {', '.join(known)}"
            raise ReceiversError(f"there is no receiver {name!r}{near}")
    return [each for each in receivers if not names or each.name in names]


def _receiver(row: dict[str, Any], where: str, problems: list[str]) -> Receiver | None:
    """Return a receiver; None if it has problems, which are added to those of the file."""
    if isinstance(row.get("name"), str):
        where += f" ({row['name']})"
    kind = row.get("kind")
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        problems.append(f"{where}: kind: expected one of {', '.join(KINDS)}, got {kind!r}")
        return None
    try:
        receiver = model.model_validate(row)
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems += dict.fromkeys(f"{where}: {_line(model, detail)}" for detail in details)
        return None
    try:
        _check_secrets(receiver)
    except (SecretError, SignatureError, ValueError) as error:
        problems.append(f"{where}: {error}")
        return None
    return receiver


def _check_secrets(receiver: Receiver) -> None:
    """Read every secret of a receiver, and check those that have a form."""
    for secret in receiver.secrets():
        secret.read()
    if isinstance(receiver, Webhook | Alertmanager):
        _check("url", checked_url, receiver.url)
        for name, value in receiver.headers.items():
            _check(f"headers.{name}", _checked_secret, value)
    if isinstance(receiver, Email) and receiver.password:
        _check("password", _checked_secret, receiver.password)
    if isinstance(receiver, Webhook) and receiver.signing_secret:
        keys_of(receiver.signing_secret.read())


def _check(key: str, check: Callable[[str], str], value: str | SecretSource) -> None:
    try:
        check(read(value))
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _checked_secret(text: str) -> str:
    try:
        return checked_line(text)
    except ValueError:
        # Its message repeats a character.
        raise ValueError("expected one line of ASCII in the secret") from None


def _line(model: type[Receiver], detail: Any) -> str:
    """Return one line about an error: the key, what was expected, and what was given."""
    path = [str(step) for step in detail["loc"]]
    if detail["type"] == "extra_forbidden" and len(path) == 1:
        known = [field.alias or name for name, field in model.model_fields.items()]
        near = suggestion(path[0], known) or f"; known are {', '.join(known)}"
        return f"'{path[0]}' is no key of a receiver of this kind{near}"
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "Expected", 1)
    where = f"{'.'.join(path)}: " if path else ""
    return f"{where}{message[0].lower()}{message[1:]}{_given(path, message, detail['input'])}"


def _given(path: list[str], message: str, value: Any) -> str:
    """Return the end of a line with what was given, if it is short, no secret, and not named."""
    shown = repr(value)
    is_named = "got" in message or "there is no" in message
    if not path or path[0] in SECRET_KEYS or is_named or len(shown) > LONGEST_SHOWN:
        return ""
    return f", got {shown}" if isinstance(value, str | int | float) else ""
