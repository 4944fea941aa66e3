"""The settings table of the README, made from the settings themselves."""

from settings.base import ENVIRONMENT_PREFIX, Settings


def markdown_table(settings_class: type[Settings]) -> str:
    """A Markdown table: a row a setting, with option, environment variable, default and meaning."""
    rows = ["| setting | environment | default | meaning |", "|---|---|---|---|"]
    for name, field in settings_class.model_fields.items():
        default = (
            ""
            if field.default in (None, "")
            else f"`{field.get_default(call_default_factory=True)}`"
        )
        if default == "`{}`":
            default = ""
        meaning = " ".join((field.description or "").split())
        option = "--" + name.replace("_", "-")
        rows.append(
            f"| `{option}` | `{ENVIRONMENT_PREFIX}{name.upper()}` | {default} | {meaning} |"
        )
    return "\n".join(rows) + "\n"
