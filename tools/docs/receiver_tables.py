"""The tables of the notifiers: the keys of each kind of receiver, and the fields of templates."""

from typing import Any, Final

from pydantic.fields import FieldInfo

from bearing_stream.commands.alarms.notify.receivers import KINDS, Messaging, Receiver
from bearing_stream.commands.alarms.notify.template import FIELDS
from tools.docs.alarm_tables import UNITS
from tools.docs.docstrings import attribute_docstrings, table

DURATIONS: Final = ("timeout", "longest_pause", "resend_interval")

TEXTS: Final = ("subject", "body", "summary", "description")
"""Keys whose defaults are too long for the table."""


def receiver_keys(kind: str = "") -> str:
    """Return the Markdown table of the keys of a kind; without one, of those that kinds share."""
    owners = [KINDS[kind]] if kind else [Receiver, Messaging]
    rows = []
    for owner in owners:
        texts = attribute_docstrings(owner)
        note = " Not for `alertmanager`." if owner is Messaging else ""
        for name, text in texts.items():
            field = owner.model_fields[name]
            rows.append((f"`{field.alias or name}`", _default(name, field), text + note))
    return table(("key", "default", "meaning"), rows)


def template_fields() -> str:
    """Return the Markdown table of the fields of templates."""
    return table(("field", "shows"), [(f"`${name}`", f.meaning) for name, f in FIELDS.items()])


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if name in TEXTS:
        return "a text"
    if value is None or value in ((), {}):
        return "none"
    if name in DURATIONS:
        size, unit = next(each for each in UNITS if value % each[0] == 0)
        return f"{value // size}{unit}"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
