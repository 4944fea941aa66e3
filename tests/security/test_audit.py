"""What `make audit` says of what pip-audit found; asking needs a network."""

import json
from typing import Any

import pytest

from tests.security.audit import verdict

GOOD = {"name": "click", "version": "8.5.1", "vulns": []}
BAD = {
    "name": "left-pad",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}],
}
SKIPPED = {"name": "torch", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([GOOD], 0, ["1 of 1 pinned packages audited."]),
        ([GOOD, BAD], 1, ["left-pad 1.0: PYSEC-2026-1, fixed in 1.1", "2 of 2"]),
        ([GOOD, SKIPPED], 2, ["1 of 2 packages were not audited", "(torch", "1 of 2"]),
        ([BAD, SKIPPED], 1, ["PYSEC-2026-1", "not audited"]),
    ],
)
def test_only_what_was_audited_counts(
    packages: list[dict[str, Any]], status: int, said: list[str]
) -> None:
    found, lines = verdict(json.dumps({"dependencies": packages, "fixes": []}), "")
    assert found == status
    for each in said:
        assert each in "\n".join(lines)


def test_a_database_out_of_reach_is_one_line() -> None:
    status, lines = verdict("", "Traceback\n  ...\nConnectionError: Max retries exceeded\n")
    assert status == 2
    assert lines == [
        "Nothing was audited: the advisory database cannot be reached "
        "(ConnectionError: Max retries exceeded)."
    ]
