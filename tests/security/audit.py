"""`make audit`: ask PyPI's advisory database about every pin of constraints.txt.

Run by `python -m tests.security.audit PIP_AUDIT`, the program of pip-audit in an environment of its
own, so that what audits us is none of what is audited.
"""

import json
import subprocess
import sys
from typing import Any

import click

from tests.paths import ROOT

UNKNOWN = 2
"""Exit status where something could not be audited; 1 is for what was found."""


def verdict(answer: str, said: str) -> tuple[int, list[str]]:
    """Exit status, and what to say.

    Args:
        answer: What pip-audit printed as JSON; empty if it could not finish.
        said: What it complained of.
    """
    if not answer.strip():
        why = (said.strip().splitlines() or ["it said nothing"])[-1]
        return UNKNOWN, [f"Nothing was audited: the advisory database cannot be reached ({why})."]
    packages: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    skipped = sorted(package["name"] for package in packages if "skip_reason" in package)
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, fixed in "
        f"{', '.join(found['fix_versions']) or 'no version yet'}"
        for package in packages
        for found in package.get("vulns", ())
    ]
    audited = len(packages) - len(skipped)
    status = 1 if lines else 0
    if skipped:
        status = status or UNKNOWN
        lines.append(
            f"{len(skipped)} of {len(packages)} packages were not audited: the package index here "
            f"has no advisories of them ({', '.join(skipped[:3])}, …). Ask where pypi.org is."
        )
    lines.append(f"{audited} of {len(packages)} pinned packages audited.")
    return status, lines


def main(program: str) -> int:
    """Audit; returns the exit status."""
    command = [program, "--requirement", str(ROOT / "constraints.txt")]
    command += ["--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    status, lines = verdict(done.stdout, done.stderr)
    for line in lines:
        click.echo(line)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
