"""The Dockerfile's labels and health check; `tests/test_compose.py` tests the rest of it."""

import re
import tomllib

from tests.paths import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def labels() -> dict[str, str]:
    found = re.findall(r'org\.opencontainers\.image\.(\w+)=("[^"]*"|\S+)', DOCKERFILE)
    return {name: value.strip('"') for name, value in found}


def test_the_labels_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert labels()["title"] == project["name"]
    assert labels()["description"] == project["description"]
    assert labels()["version"] == project["version"]
    assert labels()["licenses"] == project["license"]


def test_the_health_check_runs_the_file_that_is_copied() -> None:
    copied = re.search(r"^COPY (deploy/\S+) (\S+)$", DOCKERFILE, re.M)
    assert copied
    assert (ROOT / copied[1]).exists()
    assert f'CMD ["python", "{copied[2]}"]' in DOCKERFILE


def test_no_compiler_and_no_pip_are_in_the_image() -> None:
    _, final = DOCKERFILE.rsplit("\nFROM ", 1)
    assert "apt-get" not in final
    assert "pip install" not in final
    assert "--without-pip" in DOCKERFILE
