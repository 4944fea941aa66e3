from pathlib import Path

import pytest

from bearing_stream.local_kafka import LocalKafka, class_cache
from bearing_stream.local_kafka.class_cache import flags_to_read, write_archive


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the archive, which does not exist."""
    path = tmp_path / "classes.aot"
    monkeypatch.setattr(class_cache, "archive_of", lambda _class_path: path)
    return path


def test_without_an_archive_a_broker_gets_no_flag(archive: Path) -> None:
    assert not archive.exists()
    assert flags_to_read("jars") == ()


@pytest.mark.integration
def test_a_broker_starts_with_the_archive_that_another_has_written(archive: Path) -> None:
    write_archive()
    written = archive.stat()
    assert written.st_size > 2**20
    assert [*archive.parent.iterdir()] == [archive]
    write_archive()
    assert archive.stat().st_mtime_ns == written.st_mtime_ns
    with LocalKafka() as kafka:
        assert kafka.is_running()


@pytest.mark.integration
def test_a_broker_starts_with_an_archive_that_is_damaged(archive: Path) -> None:
    archive.write_bytes(b"damaged" * 1000)
    with LocalKafka() as kafka:
        assert kafka.is_running()
