"""The summary of `make audit` of the output of pip-audit; the audit itself needs a network."""

import json
from typing import Any

import pytest

from tests.security.audit import summary

GOOD = {"name": "click", "version": "8.5.1", "vulns": []}
BAD = {
    "name": "left-pad",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}],
}
SKIPPED = {"name": "torch", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("packages", "status", "printed"),
    [
        ([GOOD], 0, ["1 of 1 pinned packages audited."]),
        ([GOOD, BAD], 1, ["left-pad 1.0: PYSEC-2026-1, fixed in 1.1", "2 of 2"]),
        ([GOOD, SKIPPED], 2, ["1 of 2 packages were not audited", "(torch", "1 of 2"]),
        ([BAD, SKIPPED], 1, ["PYSEC-2026-1", "not audited"]),
    ],
)
def test_only_packages_that_were_audited_count(
    packages: list[dict[str, Any]], status: int, printed: list[str]
) -> None:
    found, lines = summary(json.dumps({"dependencies": packages, "fixes": []}), "")
    assert found == status
    for each in printed:
        assert each in "\n".join(lines)


def test_a_database_that_cannot_be_reached_is_one_line() -> None:
    status, lines = summary("", "Traceback\n  ...\nConnectionError: Max retries exceeded\n")
    assert status == 2
    assert lines == [
        "Nothing was audited: the advisory database cannot be reached "
        "(ConnectionError: Max retries exceeded)."
    ]
