"""`make audit`: check every pin of constraints.txt against PyPI's advisory database.

The Makefile runs `python -m tests.security.audit PIP_AUDIT`. PIP_AUDIT is the path of pip-audit in
an environment of its own, so that no package that is audited takes part in the audit.
"""

import json
import subprocess
import sys
from typing import Any

import click

from tests.paths import ROOT

UNKNOWN = 2
"""Exit status where something could not be audited; 1 is for a known vulnerability."""


def summary(output: str, errors: str) -> tuple[int, list[str]]:
    """Return the exit status and the lines to print.

    Args:
        output: The standard output of pip-audit, in JSON; empty if it could not finish.
        errors: Its standard error.
    """
    if not output.strip():
        why = (errors.strip().splitlines() or ["it printed no error"])[-1]
        return UNKNOWN, [f"Nothing was audited: the advisory database cannot be reached ({why})."]
    packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
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
            f"has no advisories for them ({', '.join(skipped[:3])}, …). Run the audit where "
            "pypi.org can be reached."
        )
    lines.append(f"{audited} of {len(packages)} pinned packages audited.")
    return status, lines


def main(program: str) -> int:
    """Run the audit and return the exit status."""
    command = [program, "--requirement", str(ROOT / "constraints.txt")]
    command += ["--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    status, lines = summary(done.stdout, done.stderr)
    for line in lines:
        click.echo(line)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
