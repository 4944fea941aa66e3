"""Secrets of receivers: read from the environment or a file, and never logged."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

MASK: Final = "********"

EXPECTED: Final = 'a secret such as { env = "NAME" } or { file = "/run/secrets/name" }'


class SecretError(Exception):
    """A secret cannot be read; the message names where it was expected, and no value."""


class SecretSource(BaseModel):
    """Where a secret is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    env: str | None = None
    """Environment variable that holds it."""
    file: Path | None = None
    """File that holds it; white space around it is ignored."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError(f"expected {EXPECTED}: one of the two")
        return self

    def read(self) -> str:
        """Return the secret as it is now: a file that was replaced applies without a restart.

        Raises:
            SecretError: There is none.
        """
        if self.env is not None:
            value = os.environ.get(self.env, "").strip()
            if not value:
                raise SecretError(f"the environment variable {self.env} is not set")
            return value
        assert self.file is not None
        try:
            value = self.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SecretError(f"{self.file} cannot be read: {reason}") from None
        if not value:
            raise SecretError(f"{self.file} is empty")
        return value


def _parsed(value: Any) -> Any:
    """Return the secret that a table names; a text, which is none, as it is."""
    if isinstance(value, dict):
        try:
            return SecretSource.model_validate(value)
        except ValidationError:
            raise ValueError(f"expected {EXPECTED}") from None
    return value


def _is_no_literal(value: Any) -> Any:
    parsed = _parsed(value)
    if not isinstance(parsed, SecretSource):
        # The message leaves out what was given: it may be the secret.
        raise ValueError(f"expected {EXPECTED}, not the secret itself")
    return parsed


def _is_text_or_secret(value: Any) -> Any:
    parsed = _parsed(value)
    if not isinstance(parsed, str | SecretSource):
        raise ValueError(f"expected a text, or {EXPECTED}")
    return parsed


Secret = Annotated[SecretSource, BeforeValidator(_is_no_literal)]
"""A secret, which the file of receivers only names."""

TextOrSecret = Annotated[str | SecretSource, BeforeValidator(_is_text_or_secret)]
"""A text in the file of receivers, or a secret that it names."""


def read(value: str | SecretSource) -> str:
    """Return a text, or the secret that it names; raises SecretError as `SecretSource.read`."""
    return value if isinstance(value, str) else value.read()


def redacted(text: str, secrets: Iterable[SecretSource]) -> str:
    """Return a text in which no secret appears."""
    for each in secrets:
        try:
            parts = each.read().split()
        except SecretError:
            continue
        for part in parts:
            text = text.replace(part, MASK)
    return text
