"""Which ends of a consumer its Kafka client caused: a supervisor then starts it again."""

from pathlib import Path

import pytest

from tools.chaos.member import Member

STUCK = (
    'print(\'{"event": "failed", "error": "the client is stuck; start the consumer again"}\'); '
    "sys.exit(1)"
)
ABORTED = (
    "print('python: rdkafka_txnmgr.c:253: rd_kafka_txn_set_state: Assertion `x` failed.', "
    "flush=True); os.abort()"
)
REFUSED = 'print(\'{"event": "failed", "error": "grant READ"}\'); sys.exit(1)'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("code", "end"),
    [
        (STUCK, "client stuck"),
        (ABORTED, "client aborted"),
        (REFUSED, ""),
        ("os.abort()", ""),
        ("sys.exit(0)", ""),
    ],
)
def test_the_end_shows(folder: Path, code: str, end: str) -> None:
    (folder / "ends_so.py").write_text(f"import os, sys\n{code}\n")
    member = Member("ends_so", [], folder / "log")
    member.wait()
    assert member.end_by_client == end
    member.start_again()
    member.wait()
    assert member.end_by_client == end
