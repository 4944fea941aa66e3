"""`make sbom`: the software bill of materials of the container image, as CycloneDX.

The Makefile runs `python -m tests.security.sbom CYCLONEDX_PY EXTRAS`. CYCLONEDX_PY is the path of
cyclonedx-py in an environment of its own. It lists what is installed here, whose versions are those
of constraints.txt (`test_dependencies.py`); what the extras do not need is left out.
"""

import json
import subprocess
import sys
from collections.abc import Collection
from typing import Any, Final

import click
from packaging.utils import canonicalize_name

from tests.packaging.requirements import PROJECT, everything_needed
from tests.paths import ROOT

TARGET: Final = ROOT / "out" / "bearing-stream.cdx.json"

Bill = dict[str, Any]


def restricted(bill: Bill, names: Collection[str]) -> Bill:
    """Return a bill of materials without all packages but these.

    Args:
        bill: In CycloneDX's JSON.
        names: Canonical names of distributions.

    Raises:
        ValueError: The bill lacks some of them.
    """
    kept = [each for each in bill["components"] if canonicalize_name(each["name"]) in names]
    if lacking := set(names) - {canonicalize_name(each["name"]) for each in kept}:
        raise ValueError(f"not installed: {', '.join(sorted(lacking))}; run `make setup`")
    references = {each["bom-ref"] for each in (*kept, bill["metadata"]["component"])}
    dependencies = [
        each | {"dependsOn": [other for other in each.get("dependsOn", ()) if other in references]}
        for each in bill["dependencies"]
        if each["ref"] in references
    ]
    return bill | {"components": kept, "dependencies": dependencies}


def main(program: str, extras: str) -> int:
    """Write the bill of materials and return the exit status."""
    names = everything_needed(*extras.split(",")).keys() - {PROJECT}
    command = [program, "environment", "--output-reproducible", "--output-format=JSON"]
    command += ["--mc-type=application", f"--pyproject={ROOT / 'pyproject.toml'}", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        click.echo(f"There is no bill of materials: {done.stderr.strip()}", err=True)
        return 1
    bill = restricted(json.loads(done.stdout), names)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
    click.echo(f"{TARGET.relative_to(ROOT)}: {len(bill['components'])} packages ({extras})")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
