"""Standard output and standard error of the commands that print what they read from Kafka."""

import codecs
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import UnsupportedOperation
from typing import Final

import click
from pydantic_core import to_json
from rich.console import Console

WRITE_FAILURES: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of a write that the user must solve, such as a full disk."""


def notice(line: str) -> None:
    """Print a line to standard error."""
    click.echo(line, err=True)


@contextmanager
def standard_output() -> Iterator[None]:
    """End the block quietly when the reader of standard output has closed its end (`| head`).

    The block, or the function that this decorates, returns as if it had completed.

    Raises:
        click.ClickException: Standard output cannot be written, for instance to a full disk.
    """
    try:
        yield
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        if error.errno not in WRITE_FAILURES:
            raise
        _discard_output()
        raise click.ClickException(
            f"standard output cannot be written: {error.strerror}"
        ) from error


class OutputConsole(Console):
    """A rich console on standard output that raises BrokenPipeError where rich exits with 1."""

    def on_broken_pipe(self) -> None:
        """Let `standard_output` handle it."""
        raise BrokenPipeError


def counted(number: int, noun: str) -> str:
    """`1 sensor`, `2,000 sensors`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def json_text(value: object, indent: int | None = None) -> str:
    """Return a value as JSON that standard output can encode.

    JSON is UTF-8. Where the terminal has another encoding, all but ASCII is escaped.
    """
    encoding = codecs.lookup(sys.stdout.encoding or "ascii").name
    return to_json(value, indent=indent, ensure_ascii=encoding != "utf-8").decode()


def printable(text: str) -> str:
    """Replace line breaks and escape sequences: data from Kafka must not control the terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _discard_output() -> None:
    """Send what is still buffered to the null device: Python flushes it at exit, and would fail."""
    try:
        descriptor = sys.stdout.fileno()
    except UnsupportedOperation:
        # A test has replaced standard output.
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
