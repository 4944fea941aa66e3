"""The jars are those of the lock, from any source and after any failure."""

import hashlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bearing_stream.local_kafka import LocalKafkaError
from bearing_stream.local_kafka.jars import LOCK, Jar, class_path, read_lock

CONTENT = {f"part-{number}": bytes([number]) * 50_000 for number in range(6)}
JARS = tuple(
    Jar("org.example", name, "1.0", hashlib.sha256(content).hexdigest())
    for name, content in CONTENT.items()
)
KAFKA = (replace(JARS[0], artifact="kafka_2.13"), *JARS[1:])
CONTENT["kafka_2.13"] = CONTENT["part-0"]


class MavenCentral(ThreadingHTTPServer):
    """A Maven repository on this machine, which can be made to misbehave."""

    requests: list[str]
    truncated: str = ""
    altered: str = ""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, MavenCentral)
        server.requests.append(self.path)
        artifact = self.path.split("/")[-3]
        if not self.path.endswith(".jar"):
            self.send_error(404)
            return
        content = CONTENT[artifact]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if artifact == server.altered:
            content = content[::-1][:-1] + b"!"
        self.wfile.write(content[:20_000] if artifact == server.truncated else content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""


def use_repository(monkeypatch: pytest.MonkeyPatch, folder: Path, port: int) -> None:
    """Configure the repository as a user configures a mirror: in jgo's own settings."""
    settings = folder / "jgo.conf"
    settings.write_text(f"[repositories]\ncentral = http://127.0.0.1:{port}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))


@pytest.fixture
def central(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MavenCentral]:
    with MavenCentral(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        use_repository(monkeypatch, tmp_path, server.server_port)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return tmp_path / "maven"


def files(repository: Path) -> list[Path]:
    return [path for path in repository.rglob("*") if path.is_file()]


def test_the_lock_pins_kafka_and_every_jar_by_hash() -> None:
    jars = read_lock()
    assert {jar.artifact: jar.version for jar in jars}["kafka_2.13"] == "4.4.0"
    assert len({jar.path for jar in jars}) == len(jars) == 45
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in jars)
    assert "://" not in LOCK.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not = [toml",
        "dependencies = []",
        "dependencies = 3",
        '[[dependencies]]\ngroupId = "a"\nartifactId = "b"\nversion = "1"\n',
    ],
)
def test_a_lock_that_does_not_pin_everything_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "jgo.lock.toml"
    path.write_text(text)
    with pytest.raises(LocalKafkaError, match=r"jgo\.lock\.toml .*Restore it"):
        read_lock(path)


def test_a_missing_jar_is_fetched_once(central: MavenCentral, repository: Path) -> None:
    paths = class_path(KAFKA, repository)
    assert [path.read_bytes() for path in paths] == [CONTENT[jar.artifact] for jar in KAFKA]
    central.requests.clear()
    assert class_path(KAFKA, repository) == paths
    assert not central.requests


def test_an_altered_jar_in_the_cache_is_refused(central: MavenCentral, repository: Path) -> None:
    class_path(KAFKA, repository)
    victim = KAFKA[3]
    (repository / victim.path).write_bytes(b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    central.requests.clear()
    with pytest.raises(LocalKafkaError) as refusal:
        class_path(KAFKA, repository)
    for word in (victim.path.name, victim.sha256, found, "Delete", str(repository / victim.path)):
        assert word in str(refusal.value)
    assert not central.requests


def test_an_altered_download_is_not_kept(central: MavenCentral, repository: Path) -> None:
    central.altered = KAFKA[2].artifact
    with pytest.raises(LocalKafkaError, match=rf"{KAFKA[2].path.name}.*{KAFKA[2].sha256}"):
        class_path(KAFKA, repository)
    assert not (repository / KAFKA[2].path).exists()


def test_a_broken_download_leaves_no_incomplete_jar(
    central: MavenCentral, repository: Path
) -> None:
    central.truncated = KAFKA[1].artifact
    with pytest.raises(LocalKafkaError, match="Maven Central"):
        class_path(KAFKA, repository)
    assert {path.stat().st_size for path in files(repository)} <= {50_000}
    central.truncated = ""
    assert len(class_path(KAFKA, repository)) == len(files(repository)) == len(KAFKA)


def test_without_maven_central_one_line_names_the_two_ways_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, repository: Path
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        use_repository(monkeypatch, tmp_path, closed.getsockname()[1])
        with pytest.raises(LocalKafkaError) as failure:
            class_path(KAFKA, repository)
    message = str(failure.value)
    assert "\n" not in message
    for word in ("Maven Central", "BOOTSTRAP_SERVERS", "Docker"):
        assert word in message


def test_a_cache_that_cannot_be_written_is_reported(central: MavenCentral, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalKafkaError, match="cannot be written to"):
        class_path(KAFKA, tmp_path / "file" / "maven")
    assert not central.requests
