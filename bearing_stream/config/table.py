"""The settings table of the docs, made from the settings classes."""

from collections.abc import Collection

from pydantic.fields import FieldInfo

from bearing_stream.config.base import ENVIRONMENT_PREFIX, Settings


def markdown_table(settings_class: type[Settings], without: Collection[str] = ()) -> str:
    """A Markdown table with one row per setting: option, environment variable, default, meaning.

    Args:
        settings_class: The class whose fields are listed.
        without: Names of fields to leave out.
    """
    rows = ["| setting | environment | default | meaning |", "|---|---|---|---|"]
    for name, field in settings_class.model_fields.items():
        if name in without:
            continue
        meaning = " ".join((field.description or "").split()).replace("|", "\\|")
        option = "--" + name.replace("_", "-")
        variable = ENVIRONMENT_PREFIX + name.upper()
        rows.append(f"| `{option}` | `{variable}` | {_default(field)} | {meaning} |")
    return "\n".join(rows) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    return "" if default in (None, "", {}, ()) else f"`{default}`"
