"""Read WAV files, and other audio files with libsndfile."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.formats.content import Content, Options, Rate, Samples, Signal
from bearing_stream.recordings.formats.libraries import needs, reading

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
"""Format tags of a WAV file (Microsoft, mmreg.h)."""

_NEVER_WRITTEN: Final = 0x7FFF0000
"""A size from here on, or of 0, was put there by a recorder that did not know it yet: 0xFFFFFFFF
(ffmpeg), 0x7FFFFFFF less the header (sox, arecord)."""

_EXTENSION: Final = 40
"""Bytes of a `fmt ` chunk that has the format in a GUID."""


@dataclass(frozen=True, slots=True)
class _Wav:
    """The header of a WAV file."""

    tag: int
    channels: int
    rate: int
    bits: int
    order: str
    first: int
    """Offset of the samples."""
    size: int
    """Bytes of the samples that are there."""
    stated: int
    """Bytes of the samples that the header states."""

    @property
    def width(self) -> int:
        """Bytes of one sample."""
        return (self.bits + 7) // 8


def read_wav(path: Path, options: Options) -> Content:
    """Read a WAV file (RIFF, RIFX, RF64, extensible) of integers or floats, as counts.

    A size that its recorder never wrote, or a file that ends early, is read as far as it goes, with
    a warning. A compressed file is passed to libsndfile.

    Raises:
        RecordingError: The file has no whole header, or no samples.
    """
    with path.open("rb") as stream:
        wav = _header(stream, path)
    known = wav.tag == _PCM and wav.width in (1, 2, 3, 4)
    if not known and not (wav.tag == _FLOAT and wav.width in (4, 8)):
        return read_audio(path, options)
    frames = wav.size // (wav.width * wav.channels)
    if frames == 0:
        raise RecordingError(f"{path}: a .wav file without samples")
    kind = "float" if wav.tag == _FLOAT else "bit"
    return Content(
        format=f"WAV, {wav.bits} {kind}",
        signals=_channels(
            wav.channels,
            frames,
            Rate(float(wav.rate), "the WAV header"),
            "counts" if wav.tag == _PCM else "",
            lambda channel: _decoded(path, wav, frames, channel),
        ),
        warnings=_unfinished(wav, frames),
    )


def read_audio(path: Path, options: Options) -> Content:  # noqa: ARG001
    """Read FLAC, AIFF, W64, CAF, Ogg and compressed WAV files with libsndfile.

    Raises:
        RecordingError: soundfile is not installed, or libsndfile cannot read the file.
    """
    with needs("this audio format", path):
        import soundfile
    with reading("audio", path):
        info = soundfile.info(str(path))

    def read(channel: int) -> NDArray[Any]:
        with reading("audio", path):
            samples, _ = soundfile.read(str(path), dtype="float64", always_2d=True)
        return np.ascontiguousarray(samples[:, channel])

    rate = Rate(float(info.samplerate), "the file's header")
    signals = _channels(info.channels, info.frames, rate, "", read)
    return Content(format=f"{info.format}, {info.subtype}", signals=signals)


def _channels(channels: int, frames: int, rate: Rate, unit: str, read: Any) -> tuple[Signal, ...]:
    def reader(channel: int) -> Samples:
        return Samples(read(channel), (rate,))

    return tuple(
        Signal(
            title=f"channel {channel} of {channels}" if channels > 1 else "the only channel",
            name="",
            number=channel,
            read=partial(reader, channel),
            unit=unit,
            size=frames,
        )
        for channel in range(channels)
    )


def _header(stream: BinaryIO, path: Path) -> _Wav:
    magic = stream.read(12)
    order = ">" if magic[:4] == b"RIFX" else "<"
    endian: Any = "big" if order == ">" else "little"
    long_size = None
    layout = None
    length = path.stat().st_size
    for name, size, body, place in _chunks(stream, endian):
        if name == b"ds64":
            long_size = int.from_bytes(body[8:16], "little")
        elif name == b"fmt ":
            layout = body
        elif name == b"data" and layout is not None:
            if len(layout) < 16:
                break
            number = _numbers(layout, endian)
            first = place
            stated = long_size if long_size is not None and size == 0xFFFFFFFF else size
            there = length - first
            whole = stated <= there and not (stated == 0 and there)
            wav = _Wav(*number, order, first, stated if whole else there, stated)
            if wav.channels and wav.rate and wav.width:
                return wav
            break
    raise RecordingError(f"{path}: not a complete .wav file (its header has no format or no data)")


def _chunks(stream: BinaryIO, endian: Any) -> Iterator[tuple[bytes, int, bytes, int]]:
    """Yield name, size, content and offset of each chunk; the content of `data` is not read."""
    place = 12
    while len(head := stream.read(8)) == 8:
        name, size, place = head[:4], int.from_bytes(head[4:], endian), place + 8
        # Metadata may be long; what follows them is found by their size.
        yield name, size, b"" if name == b"data" else stream.read(min(size, 4096)), place
        place += size + size % 2
        stream.seek(place)


def _numbers(layout: bytes, endian: Any) -> tuple[int, int, int, int]:
    """Tag, channels, rate and bits of a sample."""

    def at(first: int, width: int) -> int:
        return int.from_bytes(layout[first : first + width], endian)

    tag = at(0, 2)
    if tag == _EXTENSIBLE and len(layout) >= _EXTENSION:
        tag = at(24, 2)
    return tag, at(2, 2), at(4, 4), at(14, 2)


def _decoded(path: Path, wav: _Wav, frames: int, channel: int) -> NDArray[Any]:
    count = frames * wav.channels
    if wav.tag == _FLOAT:
        return _mapped(path, f"{wav.order}f{wav.width}", wav, count)[channel :: wav.channels]
    if wav.width == 3:
        raw = _mapped(path, "u1", wav, 3 * count).reshape(frames, wav.channels, 3)[:, channel]
        low, middle, high = raw.T if wav.order == "<" else raw.T[::-1]
        # The highest byte has the sign.
        signed = high.astype(np.int8).astype(np.int32)
        counts: NDArray[Any] = low.astype(np.int32) | middle.astype(np.int32) << 8 | signed << 16
        return counts
    if wav.width == 1:
        unsigned = _mapped(path, "u1", wav, count)[channel :: wav.channels]
        return unsigned.astype(np.int16) - 128
    return _mapped(path, f"{wav.order}i{wav.width}", wav, count)[channel :: wav.channels]


def _mapped(path: Path, dtype: str, wav: _Wav, count: int) -> NDArray[Any]:
    return np.memmap(path, dtype, "r", offset=wav.first, shape=(count,))


def _unfinished(wav: _Wav, frames: int) -> tuple[str, ...]:
    if wav.stated == wav.size:
        return ()
    seconds = frames / wav.rate
    if wav.stated == 0 or wav.stated >= _NEVER_WRITTEN:
        return (
            f"the recorder never wrote the size of the samples (it is {wav.stated:#x}): read to "
            f"the end of the file, {seconds:.3g} s",
        )
    stated = wav.stated / (wav.width * wav.channels * wav.rate)
    return (
        f"the file ends early: {seconds:.3g} s of the {stated:.3g} s that its header states are "
        "there; copy it again if it is complete elsewhere",
    )
