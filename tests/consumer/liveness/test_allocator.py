"""Threads that had much memory and gave it back leave little of it with the process."""

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
    # Pieces, as of fetched messages, and something small that is kept behind them.
    pieces = [library.malloc(100_000) for _ in range(200)]
    for piece in pieces:
        ctypes.memset(piece, 1, 100_000)
    library.malloc(1000)
    for piece in pieces:
        library.free(piece)
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
def test_one_thread_uses_what_another_gave_back() -> None:
    assert own_mib("tight") < 0.5 * own_mib("loose")


def test_a_c_library_without_them_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not keep_memory_tight()
