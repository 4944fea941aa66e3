"""The fast path for JSON changes only the time that decoding takes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bearing_stream.commands.serve import plain
from bearing_stream.commands.serve.bodies import InvalidBodyError, read_json
from bearing_stream.commands.serve.plain import read_plain
from bearing_stream.vocabulary import WINDOW_LENGTH

GOOD = [repr(index % 5 + 0.25) for index in range(WINDOW_LENGTH)]

NUMBERS = (
    st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.floats(width=32, allow_nan=False, allow_infinity=False).map(lambda x: f"{x:.30e}")
    | st.integers(-(2**70), 2**70).map(str)
    | st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
)

WRONG = [".5", "1.", "1e", "-", "+1", "01", "\x0b1", "1,2", "1]", "true", "null", '"1"', '"["']
NESTED = ["[]", "[1]", "[[1,2]]", "{}", '{"record":[1]}']
EXTREME = ["NaN", "Infinity", "-Infinity", "1e999", "1e39", "3.4028236e38", str(2**64), "-0"]
STRANGE = st.sampled_from([*WRONG, *NESTED, *EXTREME])

RECORDS = st.sampled_from(
    [
        '{"record":%s}',
        '{"record" : %s }\n',
        '{"\\u0072ecord":%s}',
        '{"id":[1],"record":%s}',
        '{"record":%s,"record":5}',
        '{"record":5,"record":%s}',
        '{"record":[%s]}',
        '{"Record":%s}',
        '{"é":%s}',
        "[%s]",
        "%s",
    ]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Draw a list of records, most of them valid and one arbitrary."""
    samples = list(GOOD)
    places = st.integers(0, WINDOW_LENGTH - 1)
    drawn = NUMBERS if draw(st.booleans()) else NUMBERS | STRANGE
    for place, text in draw(st.dictionaries(places, drawn, max_size=5)).items():
        samples[place] = text
    if draw(st.integers(0, 9)) == 0:
        del samples[-1]
    record = draw(RECORDS) % f"[{','.join(samples)}]"
    others = [json.dumps({"record": [float(x) for x in GOOD]})] * draw(st.integers(0, 1))
    before = draw(st.sampled_from(["", "", "", " ", "\ufeff", "\x00", "["]))
    after = draw(st.sampled_from(["", "", "", "\n", "x", "]", "\x00"]))
    return f"{before}[{', '.join([*others, record])}]{after}".encode()


@contextmanager
def without_simdjson() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain, "simdjson", None)
        yield


def outcome(body: bytes) -> Any:
    """Return the windows, bit for bit, or the errors."""
    try:
        windows = read_json(body)
    except InvalidBodyError as error:
        return error.errors
    return windows.shape, windows.tobytes()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(bodies())
def test_the_outcome_is_the_same_without_simdjson(body: bytes) -> None:
    quick = outcome(body)
    with without_simdjson():
        assert outcome(body) == quick


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40) | st.text(alphabet='[]{}":,1eE+-. recod', max_size=40))
def test_it_leaves_other_bodies_to_the_slow_path(body: bytes | str) -> None:
    body = body if isinstance(body, bytes) else body.encode()
    read = read_plain(body)
    assert read is None or (read.shape == (0, WINDOW_LENGTH) and json.loads(body) == [])


@settings(max_examples=100, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=50))
def test_each_number_becomes_the_nearest_float(numbers: list[str]) -> None:
    samples = ",".join([*numbers, *GOOD[len(numbers) :]])
    body = f'[{{"record":[{samples}]}}]'
    read = read_plain(body.encode())
    if read is not None:
        with np.errstate(over="ignore"):
            expected = np.array(json.loads(body)[0]["record"], np.float64).astype(np.float32)
        np.testing.assert_array_equal(read[0], expected)


def test_it_reads_plain_bodies() -> None:
    pytest.importorskip("simdjson", reason="no wheel of pysimdjson for this Python")
    windows = np.random.default_rng(0).normal(size=(3, WINDOW_LENGTH))
    for indent in (None, 1):
        body = json.dumps([{"record": window} for window in windows.tolist()], indent=indent)
        read = read_plain(body.encode())
        assert read is not None
        np.testing.assert_array_equal(read, windows.astype(np.float32))


@pytest.mark.parametrize(
    "nested", [["[1]"] + ["2"] * 2047, ["[]", "[1,2]"] + ["3"] * 2046, ["[]"] * 2047 + ["1"]]
)
def test_a_list_among_the_samples_is_rejected(nested: list[str]) -> None:
    body = b'[{"record":[%s]}]' % ",".join(nested).encode()
    assert read_plain(body) is None
    (error,) = outcome(body)
    assert error["msg"] == "Input should be a valid number"
    assert error["loc"][:3] == ["body", 0, "record"]


def test_errors_use_the_terms_of_json() -> None:
    body = b'[5, {"record": {}}, {}, {"record": [1]}, {"record": [true]}]'
    assert [(error["loc"], error["msg"]) for error in outcome(body)] == [
        (["body", 0], "Input should be an object"),
        (["body", 1, "record"], "Input should be a valid array"),
        (["body", 2, "record"], "Field required"),
        (["body", 3, "record"], "List should have at least 2048 items after validation, not 1"),
        (["body", 4, "record", 0], "Input should be a valid number"),
    ]
    for body in (b'{"record": [1]}', b'"[]"', b"5", b" null"):
        (error,) = outcome(body)
        assert (error["loc"], error["msg"]) == (["body"], "Input should be a valid array")


def test_a_longer_record_is_pointed_to_the_sampling_rate() -> None:
    (error,) = outcome(b'[{"record":[%s]}]' % b",".join([b"1", b"2"] * 12_800))
    assert error["loc"] == ["body", 0, "record"]
    assert error["msg"].startswith("List should have at most 2048 items")
    assert error["msg"].endswith("; a record of another length needs its rate, ?sampling_rate=HZ")


@pytest.mark.parametrize("item", [b"1,", b"{},", b"[],"])
def test_a_body_of_invalid_records_takes_no_more_memory_than_another(item: bytes) -> None:
    """Once an error of 800 bytes was created for each item; only a hundred are listed."""
    mebibytes = 4
    script = (
        "import resource, sys\n"
        "from bearing_stream.commands.serve.bodies import InvalidBodyError, read_json\n"
        f"item = {item!r}\n"
        f"body = b'[' + item * ({mebibytes} * 2**20 // len(item)) + b'0]'\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: read_json(body)\n"
        "except InvalidBodyError as error: assert len(error.errors) == 100\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        # In kilobytes, but on macOS in bytes.
        "print((after - before) * (1 if sys.platform == 'darwin' else 1024))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    assert int(done.stdout) < 80 * mebibytes * 2**20
