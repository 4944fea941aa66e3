"""The manifests that the chart renders, with real Helm."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tools.deploy.values import CHART

RENDERED: Final = CHART.parents[1] / "rendered"
"""The folder of what is rendered. `default.yaml` is the base of its `kustomization.yaml`."""

ADDED: Final = {"alarms": ("alarms.yaml", "notify.yaml")}
"""Case → the templates that are rendered, if not all: what it adds to `default.yaml`. It has a
folder of its own, since a base of Kustomize is a folder."""

NAMESPACE: Final = "bearings"

KUBERNETES: Final = "1.36.0"
"""What Helm takes the cluster to be. A Helm that was built from source takes it to be 1.20."""

SUFFIX: Final = "-values.yaml"


def helm() -> str | None:
    """Return Helm's program: that of the variable HELM, or the one on the path; None without."""
    return os.environ.get("HELM") or shutil.which("helm")


def cases() -> list[str]:
    """Return the names of the examples in the chart's folder `ci`."""
    return sorted(path.name.removesuffix(SUFFIX) for path in (CHART / "ci").glob(f"*{SUFFIX}"))


def rendered(case: str) -> Path:
    """Return the file with the manifests of an example."""
    return (RENDERED / case if case in ADDED else RENDERED) / f"{case}.yaml"


def render(program: str, case: str, *arguments: str) -> str:
    """Return the manifests of an example.

    Args:
        program: Helm's.
        case: Name of the example.
        *arguments: Further ones of `helm template`.

    Raises:
        subprocess.CalledProcessError: Helm refuses; `stderr` holds why.
    """
    command = [program, "template", "bearing-stream", str(CHART), f"--namespace={NAMESPACE}"]
    command.append(f"--kube-version={KUBERNETES}")
    command += [f"--values={CHART / 'ci' / (case + SUFFIX)}", *arguments]
    command += [f"--show-only=templates/{name}" for name in ADDED.get(case, ())]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return (
        f"# Rendered from deploy/helm/bearing-stream/ci/{case}{SUFFIX}; do not edit.\n{ran.stdout}"
    )


def copies() -> dict[Path, Path]:
    """Return target → source of the files outside the chart that it contains.

    Helm reads no file outside of a chart.
    """
    deploy, files = CHART.parents[1], CHART / "files"
    found = {
        files / "dashboards" / path.name: path
        for path in sorted((deploy / "grafana").glob("*.json"))
    }
    rules = deploy / "prometheus" / "rules.yml"
    return found | ({files / "rules.yml": rules} if rules.exists() else {})
