"""The process keeps little of the memory that its threads have freed."""

import platform
import subprocess
import sys

import pytest

from consumer.liveness.allocator import keep_memory_tight

PROGRAM = """
import ctypes, sys, threading

if sys.argv[1] == "tight":
    from consumer.liveness.allocator import keep_memory_tight
    assert keep_memory_tight()
library = ctypes.CDLL(None)
library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
stay = threading.Event()

def work(done):
    # Blocks as large as fetched messages, followed by a small one that is kept.
    blocks = [library.malloc(100_000) for _ in range(200)]
    for block in blocks:
        ctypes.memset(block, 1, 100_000)
    library.malloc(1000)
    for block in blocks:
        library.free(block)
    done.set()
    stay.wait()

for _ in range(8):
    done = threading.Event()
    threading.Thread(target=work, args=(done,)).start()
    done.wait()
[own] = [int(line.split()[1]) for line in open("/proc/self/status") if "RssAnon" in line]
stay.set()
print(own // 1024)
"""


def own_mib(way: str) -> int:
    ran = subprocess.run([sys.executable, "-c", PROGRAM, way], capture_output=True, check=True)
    return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these parameters")
def test_a_thread_reuses_what_another_has_freed() -> None:
    assert own_mib("tight") < 0.5 * own_mib("loose")


def test_a_c_library_without_these_parameters_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not keep_memory_tight()
