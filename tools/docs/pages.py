"""The generated parts of the pages, and which files outside `docs/` the site holds.

`python -m tools.docs` writes the generated parts; a test holds them to the code.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tools.deploy.values import table as chart_values
from tools.docs.alarm_tables import (
    alarm_fields,
    alarm_kinds,
    alarm_rules,
    alarm_severities,
    alarm_states,
    alarm_transitions,
)
from tools.docs.cli_reference import cli_reference
from tools.docs.event_list import event_list, exported_metrics, metric_list
from tools.docs.receiver_tables import receiver_keys, template_fields
from tools.docs.settings_tables import settings_table
from tools.docs.wire_tables import (
    diagnosis_fields,
    diagnosis_headers,
    error_headers,
    measurement_headers,
    quality_flags,
    rejection_reasons,
)

ROOT: Final = Path(__file__).parents[2]

PLACE: Final = re.compile(
    r"(<!-- generated: ([\w-]+)(?: ([\w-]+))? -->\n).*?(<!-- end of generated -->\n)", re.DOTALL
)
"""A place in a page: what is generated, of which command, and the text between the marks."""

MARK: Final = re.compile(r"<!-- (?:generated: [\w -]+|end of generated) -->\n")

GENERATORS: Final[dict[str, Callable[..., str]]] = {
    "settings": settings_table,
    "cli": cli_reference,
    "events": event_list,
    "metrics": metric_list,
    "exported-metrics": exported_metrics,
    "measurement-headers": measurement_headers,
    "diagnosis-headers": diagnosis_headers,
    "diagnosis-fields": diagnosis_fields,
    "quality-flags": quality_flags,
    "error-headers": error_headers,
    "reasons": rejection_reasons,
    "chart-values": chart_values,
    "alarm-kinds": alarm_kinds,
    "alarm-states": alarm_states,
    "alarm-severities": alarm_severities,
    "alarm-transitions": alarm_transitions,
    "alarm-rules": alarm_rules,
    "alarm-fields": alarm_fields,
    "receiver-keys": receiver_keys,
    "template-fields": template_fields,
}

OUTSIDE: Final = {
    "security.md": "SECURITY.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "benchmarks.md": "tools/bench/README.md",
    "tests.md": "tests/README.md",
    "evaluation-tables.md": "assets/EVALUATION.md",
    "model-card.md": "assets/MODEL_CARD.md",
    **{
        f"{name}.schema.json": f"assets/{name}.schema.json"
        for name in ("diagnosis", "alarm", "alarm-event", "alarm-command")
    },
    **{
        picture.name: f"assets/{picture.name}"
        for picture in sorted((ROOT / "assets").glob("*.png"))
    },
}
"""Place on the site → the file of the checkout that is put there."""

LINK: Final = re.compile(r"(\]\()([^)#\s]+)")


def filled(markdown: str) -> str:
    """Return a page with every place filled as the code is now.

    Raises:
        KeyError: A place names no generator.
    """

    def fill(place: re.Match[str]) -> str:
        begin, name, command, end = place.groups()
        return f"{begin}\n{GENERATORS[name](*([command] if command else [])).rstrip()}\n\n{end}"

    return PLACE.sub(fill, markdown)


def for_site(markdown: str, folder: Path) -> str:
    """Return a page without marks, whose links to files of the checkout lead to the site's places.

    Args:
        markdown: The page.
        folder: Folder of the checkout that the page lies in; its links are relative to it.
    """
    places = {(ROOT / file).resolve(): place for place, file in OUTSIDE.items()}

    def on_site(link: re.Match[str]) -> str:
        """Return the link with its place on the site, if the site has its target."""
        target = (folder / link[2]).resolve()
        if target in places:
            return link[1] + places[target]
        if target.is_relative_to(ROOT / "docs"):
            return link[1] + target.relative_to(ROOT / "docs").as_posix()
        return link[0]

    return LINK.sub(on_site, MARK.sub("", markdown))
