import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bearing_stream.recordings import RecordingError, fetch
from bearing_stream.recordings.catalogue import CatalogueEntry, catalogue
from bearing_stream.recordings.command import command

CONTENT = np.random.default_rng(0).bytes(500_000)
ENTRY = replace(
    catalogue()[4],
    official_bytes=len(CONTENT),
    official_sha256=hashlib.sha256(CONTENT).hexdigest(),
)


@dataclass
class DataCenter:
    """A server on loopback that behaves like the data center, and misbehaves on request."""

    content: bytes = CONTENT
    drop_after: int | None = None  # bytes of a body, after which the connection breaks
    resumes: bool = True
    failures: list[int] = field(default_factory=list)  # states to respond with before any success
    ranges: list[str | None] = field(default_factory=list)  # the Range header of each request
    url: str = ""


@pytest.fixture
def data_center() -> Iterator[DataCenter]:
    here = DataCenter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.ranges.append(self.headers["Range"])
            if here.failures:
                return self.send_error(here.failures.pop(0))
            requested = self.headers["Range"] if here.resumes else None
            start = int(requested.removeprefix("bytes=").removesuffix("-")) if requested else 0
            if start >= len(here.content):
                return self.send_error(416)
            body = here.content[start:]
            self.send_response(206 if requested else 200)
            self.send_header("Content-Length", str(len(body)))
            if requested:
                end = len(here.content)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
            self.end_headers()
            self.wfile.write(body[: here.drop_after])
            return None

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield here
        server.shutdown()
        thread.join()


def fetched(data_center: DataCenter, folder: Path, entry: CatalogueEntry = ENTRY) -> bytes:
    """Fetch to the end and return the content; the folder must hold no other file."""
    assert list(fetch.fetch(entry, folder, data_center.url))[-1] == len(CONTENT)
    assert [path.name for path in folder.iterdir()] == ["105.mat"]
    return (folder / "105.mat").read_bytes()


def test_a_file_is_fetched_whole(data_center: DataCenter, tmp_path: Path) -> None:
    assert fetched(data_center, tmp_path / "new" / "cache") == CONTENT
    assert data_center.ranges == [None]


def test_a_broken_connection_is_resumed(data_center: DataCenter, tmp_path: Path) -> None:
    data_center.drop_after = 3 * 65_536
    assert fetched(data_center, tmp_path) == CONTENT
    assert data_center.ranges == [None, "bytes=196608-", "bytes=393216-"]


def test_an_interrupted_call_is_resumed(data_center: DataCenter, tmp_path: Path) -> None:
    for have in fetch.fetch(ENTRY, tmp_path, data_center.url):
        if have > 100_000:
            break
    assert not (tmp_path / "105.mat").exists()
    kept = (tmp_path / "105.mat.part").stat().st_size
    assert fetched(data_center, tmp_path) == CONTENT
    assert data_center.ranges == [None, f"bytes={kept}-"]


def test_from_a_server_that_cannot_resume_all_is_fetched_again(
    data_center: DataCenter, tmp_path: Path
) -> None:
    (tmp_path / "105.mat.part").write_bytes(CONTENT[:9999])
    data_center.resumes = False
    assert fetched(data_center, tmp_path) == CONTENT


def test_a_complete_part_is_not_requested_again(data_center: DataCenter, tmp_path: Path) -> None:
    (tmp_path / "105.mat.part").write_bytes(CONTENT)
    assert fetched(data_center, tmp_path) == CONTENT
    assert data_center.ranges == []


def test_a_part_that_is_too_long_is_discarded(data_center: DataCenter, tmp_path: Path) -> None:
    (tmp_path / "105.mat.part").write_bytes(CONTENT + b"x")
    assert fetched(data_center, tmp_path) == CONTENT


def test_a_transient_failure_is_retried(data_center: DataCenter, tmp_path: Path) -> None:
    data_center.failures = [503, 502]
    assert fetched(data_center, tmp_path) == CONTENT


@pytest.mark.parametrize("left", [b"", CONTENT[:9], b"x" * 9])
def test_another_file_is_refused_and_leaves_nothing(
    data_center: DataCenter, tmp_path: Path, left: bytes
) -> None:
    (tmp_path / "105.mat.part").write_bytes(left)
    data_center.content = CONTENT[:-1] + b"x"
    with pytest.raises(RecordingError, match=f"expected SHA-256 {ENTRY.official_sha256}, got"):
        fetched(data_center, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_reported(data_center: DataCenter, tmp_path: Path) -> None:
    data_center.failures = [404]
    with pytest.raises(RecordingError, match=r"105\.mat: 404"):
        fetched(data_center, tmp_path)


def test_a_file_that_shrank_on_the_server_is_reported_once(
    data_center: DataCenter, tmp_path: Path
) -> None:
    (tmp_path / "105.mat.part").write_bytes(CONTENT[:400])
    data_center.content = CONTENT[:300]
    with pytest.raises(RecordingError, match="416"):
        fetched(data_center, tmp_path)
    data_center.content = CONTENT
    assert fetched(data_center, tmp_path) == CONTENT


def test_a_server_that_only_drops_ends_in_an_error(data_center: DataCenter, tmp_path: Path) -> None:
    data_center.drop_after = 0
    with pytest.raises(RecordingError, match="run it again to resume"):
        fetched(data_center, tmp_path)


def test_a_folder_that_cannot_be_created_is_reported(
    data_center: DataCenter, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RecordingError, match="cannot be written"):
        fetched(data_center, tmp_path / "file")


def test_verify_distinguishes_official_other_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "105.mat").write_bytes(CONTENT)
    other, missing = replace(ENTRY, official_sha256="0" * 64), catalogue()[5]
    assert [check.state for check in fetch.verify(tmp_path, [ENTRY, other, missing])] == [
        "official", "another one", "missing",
    ]  # fmt: skip


def test_the_folder_is_the_named_one_then_the_environments_then_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "cache_folder", lambda: tmp_path)
    monkeypatch.setenv("CWRU_DATA", "/from/environment")
    assert fetch.default_folder(Path("/named")) == Path("/named")
    assert fetch.default_folder() == Path("/from/environment")
    monkeypatch.setenv("CWRU_DATA", "")
    assert fetch.default_folder() is None
    (tmp_path / "105.mat").write_bytes(b"")
    assert fetch.default_folder() == tmp_path


def test_the_commands_list_fetch_and_verify(
    data_center: DataCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWRU_DATA", str(tmp_path))
    run = CliRunner().invoke
    wrong = run(
        command, ["fetch", "--from", data_center.url, "105"]
    )  # its content is not a recording
    assert wrong.exit_code == 1
    assert "not the official file" in wrong.output
    checked = run(command, ["verify"])
    assert checked.exit_code == 1
    assert "64 missing" in checked.output
    (tmp_path / "105.mat").write_bytes(CONTENT)
    checked = run(command, ["verify"])
    assert checked.exit_code == 1
    for text in [ENTRY.official_sha256, catalogue()[4].official_sha256, "1 another one"]:
        assert text in checked.output
    kept = run(command, ["fetch", "--from", data_center.url, "105"])
    assert kept.exit_code == 0
    assert "--replace" in kept.output
    listed = run(command, ["list"])
    assert listed.exit_code == 1
    assert "IR007_0" in listed.output
    assert "not a MATLAB file" in listed.output
    assert run(command, ["fetch", "4711"]).exit_code == 2
