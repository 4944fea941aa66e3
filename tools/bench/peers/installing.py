"""The tools of the peers, fetched by their own package managers into `out/peers`."""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.bench.errors import BenchError

ROOT: Final = Path(__file__).parents[3]

PROGRAMS: Final = Path(__file__).parent / "programs"

PACKAGES: Final = ("quixstreams==3.28.0", "onnx==1.23.2")

TIMEOUT: Final = 600.0
"""Seconds that fetching and building one peer may take."""


@dataclass(frozen=True, slots=True)
class KafkaStreams:
    """What its program needs."""

    class_path: str
    network: Path
    """The network as an ONNX file."""


def peers_python(folder: Path) -> Path:
    """Make the environment of Quix Streams, and return its Python.

    The environment has packages of its own, such as the version of the Kafka client that Quix
    Streams needs, and what it lacks, such as torch, it takes from this one.

    Raises:
        BenchError: It cannot be made; states why.
    """
    environment = folder / "environment"
    python, ready = environment / "bin" / "python", environment / "ready"
    if not (ready.is_file() and ready.read_text() == " ".join(PACKAGES)):
        _run("venv", sys.executable, "-m", "venv", "--clear", str(environment))
        _run("pip", str(python), "-m", "pip", "install", "--quiet", *PACKAGES)
        # After its own packages: Python searches the folders of these files last.
        [own] = environment.glob("lib/python*/site-packages")
        (own / "this_environment.pth").write_text(sysconfig.get_path("purelib") + "\n")
        ready.write_text(" ".join(PACKAGES))
    return python


def kafka_streams(folder: Path, python: Path) -> KafkaStreams:
    """Build the program in Java, and write the network for it.

    Args:
        folder: For what is built.
        python: Of `peers_python`, which has the package `onnx`.

    Raises:
        BenchError: Java or Maven is missing, or it cannot be built; states why.
    """
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise BenchError(f"`{tool}` is not installed (a JDK of version 17 or later, and Maven)")
    built, network = folder / "java", folder / "network.onnx"
    pom = PROGRAMS / "kafka_streams" / "pom.xml"
    _run("mvn", "mvn", "-q", "-B", "-f", str(pom), "package", f"-Dout={built.resolve()}")
    _run("onnx", str(python), "-m", "tools.bench.peers.programs.onnx_file", str(network))
    return KafkaStreams(f"{built}/*:{built}/dependency/*", network)


def _run(name: str, *command: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment_of_peers(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{name} did not end within {TIMEOUT:g} s") from None
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        errors = [line for line in lines if "ERROR" in line.upper()] or lines[-1:]
        raise BenchError(f"{name} failed: {errors[0].strip()}")


def environment_of_peers() -> dict[str, str]:
    """Return environment variables under which any Python finds this project's packages."""
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
