"""The encoding and the lines of a text file."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bearing_stream.recordings.errors import RecordingError

HEAD: Final = 1 << 18
"""Bytes from which encoding and layout of a file are found."""

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_NAMES: Final = {
    "utf-8-sig": "UTF-8 with a byte order mark",
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 without a byte order mark",
    "utf-16-be": "UTF-16 without a byte order mark",
    "utf-32": "UTF-32",
    "cp1252": "Windows-1252 (it is not UTF-8)",
}


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file whose encoding is known."""

    path: Path
    encoding: str

    @property
    def encoding_name(self) -> str:
        """The encoding, for a person."""
        return _NAMES[self.encoding]

    def lines(self) -> Iterator[str]:
        """Yield every line without its end, which may be LF, CR LF or CR.

        Only the heading has other characters than digits, so that one which the encoding does not
        have is replaced.
        """
        with self.path.open(encoding=self.encoding, errors="replace", newline=None) as stream:
            yield from stream

    def head(self) -> list[str]:
        """The first lines, without their ends: all of a small file."""
        lines: list[str] = []
        characters = 0
        for line in self.lines():
            lines.append(line.rstrip("\n"))
            characters += len(line)
            if characters > HEAD and len(lines) > 100:
                break
        return lines


def open_text(path: Path) -> TextFile:
    """Find the encoding of a text file.

    Raises:
        RecordingError: It is empty, or holds bytes that no text has.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    if not head.strip():
        raise RecordingError(f"{path}: the file is empty")
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if encoding is None:
        encoding = _guessed(head)
    if encoding is None:
        raise RecordingError(
            f"{path}: neither text nor a format that is known (its first bytes are "
            f"{head[:8].hex(' ')}); save it as CSV in UTF-8, or as .mat, .npy or .wav"
        )
    return TextFile(path, encoding)


def _guessed(head: bytes) -> str | None:
    """The encoding without a byte order mark; None if this is no text."""
    if b"\0" in head:
        even, odd = head[::2].count(0), head[1::2].count(0)
        half = len(head) // 2
        # Numbers and headings are mostly ASCII: every other byte is 0.
        if odd > 0.8 * half and even < 0.1 * half:
            return "utf-16-le"
        return "utf-16-be" if even > 0.8 * half and odd < 0.1 * half else None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        control = sum(byte < 9 or 13 < byte < 32 for byte in head[:4096])
        return None if control > 0.02 * min(len(head), 4096) else "cp1252"
    return "utf-8"
