"""WAV files as recorders write them, and other audio."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bearing_stream.recordings import RecordingError
from bearing_stream.recordings.files import read_signal

N, RATE = 5000, 25_600
COUNTS = np.random.default_rng(0).integers(-30_000, 30_000, N)
GUID = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"


def wav(
    data: bytes,
    *,
    tag: int = 1,
    channels: int = 1,
    bits: int = 16,
    extensible: bool = False,
    size: int | None = None,
    long_size: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """The bytes of a WAV file; `size` is what the header states instead of the right one."""
    frame = channels * bits // 8
    numbers = (0xFFFE if extensible else tag, channels, RATE, RATE * frame, frame, bits)
    layout = struct.pack("<HHIIHH", *numbers)
    if extensible:
        layout += struct.pack("<HHIH", 22, bits, 0, tag) + GUID
    stated = len(data) if size is None else size
    body = before + b"fmt " + struct.pack("<I", len(layout)) + layout
    body += b"data" + struct.pack("<I", stated) + data + after
    if long_size is not None:
        body = b"ds64" + struct.pack("<IQQQI", 28, 0, long_size, 0, 0) + body
    whole = len(body) + 4 if size is None else size
    magic = b"RIFF" if long_size is None else b"RF64"
    return magic + struct.pack("<I", whole) + b"WAVE" + body


def bytes_of(counts: NDArray[Any], width: int) -> bytes:
    return b"".join(int(count).to_bytes(width, "little", signed=True) for count in counts)


FILES: dict[str, tuple[bytes, NDArray[Any]]] = {
    "8 bit": (wav((COUNTS // 256 + 128).astype(np.uint8).tobytes(), bits=8), COUNTS // 256),
    "16 bit": (wav(bytes_of(COUNTS, 2)), COUNTS),
    "24 bit": (wav(bytes_of(COUNTS * 200, 3), bits=24), COUNTS * 200),
    "24 bit, extensible": (
        wav(bytes_of(COUNTS * 200, 3), bits=24, extensible=True),
        COUNTS * 200,
    ),
    "32 bit": (wav(bytes_of(COUNTS * 2000, 4), bits=32), COUNTS * 2000),
    "float": (wav(COUNTS.astype("<f4").tobytes(), tag=3, bits=32), COUNTS),
    "double, extensible": (
        wav((COUNTS / 3).tobytes(), tag=3, bits=64, extensible=True),
        COUNTS / 3,
    ),
    "RF64": (wav(bytes_of(COUNTS, 2), size=0xFFFFFFFF, long_size=2 * N), COUNTS),
    "metadata": (
        wav(bytes_of(COUNTS, 2), before=b"LIST\x05\0\0\0abcde\0", after=b"note\x04\0\0\0abcd"),
        COUNTS,
    ),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def written(content: bytes) -> Path:
        (tmp_path / "a.bin").write_bytes(content)
        return tmp_path / "a.bin"

    return written


@pytest.mark.parametrize("kind", FILES)
def test_the_counts_of_a_file_are_read(kind: str, write: Callable[[bytes], Path]) -> None:
    content, expected = FILES[kind]
    read = read_signal(write(content))
    np.testing.assert_array_equal(np.concatenate(read.stretches), expected)
    assert (read.sampling_rate, read.origin.rate_from) == (RATE, "the WAV header")
    assert read.origin.warnings == ()
    assert read.origin.unit == ("" if "float" in kind or "double" in kind else "counts")


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF024, 0x80000000])
def test_a_size_that_was_never_written_is_that_of_the_file(
    size: int, write: Callable[[bytes], Path]
) -> None:
    read = read_signal(write(wav(bytes_of(COUNTS, 2) + b"x", size=size)))
    np.testing.assert_array_equal(np.concatenate(read.stretches), COUNTS)
    [warning] = read.origin.warnings
    assert "the recorder never wrote the size" in warning


def test_rf64_without_its_size(write: Callable[[bytes], Path]) -> None:
    read = read_signal(write(wav(bytes_of(COUNTS, 2), size=0xFFFFFFFF, long_size=0)))
    assert read.origin.samples == N
    assert "never wrote" in read.origin.warnings[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cut=st.integers(0, 2 * N + 43))
def test_a_file_that_ends_early_reads_with_a_warning_or_not_at_all(
    cut: int, write: Callable[[bytes], Path]
) -> None:
    path = write(wav(bytes_of(COUNTS, 2))[:cut])
    try:
        read = read_signal(path, sampling_rate=RATE)
    except RecordingError:
        return
    assert "ends early" in read.origin.warnings[0] or cut == 44
    np.testing.assert_array_equal(read.stretches[0], COUNTS[: (cut - 44) // 2])


def test_a_channel_of_several_is_chosen(write: Callable[[bytes], Path]) -> None:
    stereo = np.stack([COUNTS, -COUNTS], 1).reshape(-1)
    path = write(wav(bytes_of(stereo, 2), channels=2))
    with pytest.raises(RecordingError, match="2 signals: 0, 1; choose one with --channel"):
        read_signal(path)
    np.testing.assert_array_equal(read_signal(path, channel="1").stretches[0], -COUNTS)


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("FLAC", "PCM_24"), ("AIFF", "PCM_16"), ("W64", "FLOAT"), ("CAF", "DOUBLE"), ("WAV", "ULAW")],
)
def test_other_audio_is_read_by_libsndfile(kind: str, subtype: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.bin", COUNTS / 2**15, RATE, format=kind, subtype=subtype)
    read = read_signal(tmp_path / "a.bin")
    assert (read.origin.samples, read.sampling_rate) == (N, RATE)
    np.testing.assert_allclose(read.stretches[0], COUNTS / 2**15, atol=0.02)


@pytest.mark.parametrize("content", [b"", b"RIFF\0\0\0\0WAVE", wav(b"")])
def test_a_file_without_samples_is_refused(content: bytes, write: Callable[[bytes], Path]) -> None:
    with pytest.raises(RecordingError, match=r"a\.bin"):
        read_signal(write(content), sampling_rate=RATE)
