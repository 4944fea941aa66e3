"""The software bill of materials holds what the extras need, and nothing else."""

from typing import Any

import pytest

from tests.security.sbom import restricted

BILL: dict[str, Any] = {
    "metadata": {"component": {"name": "bearing-stream", "bom-ref": "root"}},
    "components": [
        {"name": name, "bom-ref": f"{name}==1"} for name in ("Click", "pydantic_core", "pytest")
    ],
    "dependencies": [
        {"ref": "root", "dependsOn": ["Click==1", "pydantic_core==1", "pytest==1"]},
        {"ref": "Click==1"},
        {"ref": "pytest==1", "dependsOn": ["Click==1"]},
    ],
}


def test_only_the_packages_needed_are_listed() -> None:
    bill = restricted(BILL, {"click", "pydantic-core"})
    assert [each["name"] for each in bill["components"]] == ["Click", "pydantic_core"]
    assert bill["dependencies"] == [
        {"ref": "root", "dependsOn": ["Click==1", "pydantic_core==1"]},
        {"ref": "Click==1", "dependsOn": []},
    ]
    assert bill["metadata"] == BILL["metadata"]


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(ValueError, match="not installed: numpy; run `make setup`"):
        restricted(BILL, {"click", "numpy"})
