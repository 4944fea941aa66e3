"""The numbers hold on every processor: the tests marked `numeric`, under kernels of other ones.

torch, oneDNN, MKL, OpenBLAS and numpy choose their kernels by the features of the processor. An
environment variable of each restricts the choice. It is read once, when the library is loaded, so
each variant needs a process of its own. A variant sets all five variables.
"""

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.paths import ROOT

CAPABILITIES = {"default": "DEFAULT", "avx2": "AVX2", "avx512": "AVX512"}
"""What torch calls the kernels that each value of ATEN_CPU_CAPABILITY chooses."""


def found_by_numpy() -> list[str]:
    """Return the features beyond its baseline for which numpy has kernels and this processor too.

    Only these may be disabled: numpy warns of any other.
    """
    config = np.show_config(mode="dicts")
    assert config is not None
    found: list[str] = config["SIMD Extensions"].get("found", [])
    return found


@dataclass(frozen=True)
class Variant:
    """Kernels to choose, and the flags of /proc/cpuinfo that a processor needs to run them."""

    flags: frozenset[str]
    aten: str
    onednn: str
    openblas: str
    mkl: str
    without: tuple[str, ...]
    """Beginnings of the names of numpy's features that are disabled."""

    def environment(self) -> dict[str, str]:
        disabled = [name for name in found_by_numpy() if name.startswith(self.without)]
        return {
            "ATEN_CPU_CAPABILITY": self.aten,
            "ONEDNN_MAX_CPU_ISA": self.onednn,
            "OPENBLAS_CORETYPE": self.openblas,
            "MKL_CBWR": self.mkl,
            "NPY_DISABLE_CPU_FEATURES": ",".join(disabled),
            # More threads would wait for one another if other tests run at the same time.
            "OMP_NUM_THREADS": "1",
        }


AVX2 = frozenset({"avx2", "fma"})
AVX512 = AVX2 | {"avx512f", "avx512dq", "avx512bw", "avx512vl"}
VARIANTS = {
    "sse4": Variant(
        frozenset({"sse4_1", "sse4_2"}), "default", "SSE41", "Nehalem", "COMPATIBLE", ("",)
    ),
    "avx2": Variant(AVX2, "avx2", "AVX2", "Zen", "AVX2", ("X86_V4", "AVX512")),
    "avx512": Variant(AVX512, "avx512", "AVX512_CORE", "SkylakeX", "AVX512", ("AVX512_",)),
}
"""A processor with more than the last has the rest covered by the ordinary run. Of OpenBLAS, Zen's
kernels are Haswell's too."""


def processor_flags() -> set[str]:
    """Return the processor's flags; none but on Linux and x86-64."""
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not cpuinfo.is_file():
        return set()
    lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    return set(next((line for line in lines if line.startswith("flags")), "").split())


@pytest.mark.numeric
@pytest.mark.skipif(
    "ATEN_CPU_CAPABILITY" not in os.environ, reason="only under a variant: else torch chooses"
)
def test_torch_uses_the_kernels_that_the_environment_names() -> None:
    chosen = CAPABILITIES[os.environ["ATEN_CPU_CAPABILITY"]]
    assert torch.backends.cpu.get_cpu_capability() == chosen


# Half a minute on a busy machine; the longest tests begin first.
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", VARIANTS)
def test_the_numeric_tests_pass_with_the_kernels_of_another_processor(name: str) -> None:
    variant = VARIANTS[name]
    missing = variant.flags - processor_flags()
    if missing:
        pytest.skip(f"this processor cannot run the kernels: it lacks {', '.join(sorted(missing))}")
    # Without CWRU_DATA: recordings take longer to read than all else, and add nothing.
    environment = {key: value for key, value in os.environ.items() if key != "CWRU_DATA"}
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-m", "numeric", str(ROOT / "tests" / "model")),
            *("-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=few-examples"),
        ],
        env=environment | variant.environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
