"""A large table takes little more memory than its samples."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.slow

READ = """
import sys
from pathlib import Path
import scipy.signal  # Its memory is not the table's.
from bearing_stream.recordings.files import read_file

def peak():
    # Of this process alone: `ru_maxrss` includes that of the process that started it.
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

before = peak()
read_file(Path(sys.argv[1]), sampling_rate=float(sys.argv[2]) if sys.argv[2:] else None)
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux has /proc")
@pytest.mark.parametrize("kind", ["one column", "a time axis and decimal commas"])
def test_a_table_of_20_mb_takes_less_than_three_times_its_size(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    block = np.random.default_rng(0).normal(size=30_000).round(5).tolist()
    if kind == "one column":
        path.write_text("".join(f"{value}\n" for value in block) * 80)
    else:
        rows = zip(np.arange(36 * len(block)) / 25_600, block * 36, strict=True)
        path.write_text("".join(f"{t:.7f};{x}\n" for t, x in rows).replace(".", ","))
    assert path.stat().st_size > 18e6
    ran = subprocess.run(
        [sys.executable, "-c", READ, str(path), *(["51200"] if kind == "one column" else [])],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert int(ran.stdout) < 3 * path.stat().st_size
