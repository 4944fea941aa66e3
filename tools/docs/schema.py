"""The JSON Schema of a diagnosis, for subscribers in any language.

`python -m tools.docs` writes it into the assets; a test holds the two together.
"""

import json

from bearing_stream.wire import headers as h
from bearing_stream.wire.diagnosis import Diagnosis

VERSIONING = (
    "The header ce_type states the major version. Within it, fields, labels, quality flags and "
    "other values of enums are only added: ignore what you do not know. A field that is removed, "
    "is renamed or changes its type, unit or meaning makes a new major version, with another "
    "ce_type."
)
"""What a reader can rely on."""


def diagnosis_schema() -> str:
    """The JSON Schema (draft 2020-12) of a diagnosis as it is on the wire."""
    schema = Diagnosis.model_json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = h.DIAGNOSIS_TYPE
    schema["description"] = f"{Diagnosis.__doc__} {VERSIONING}"
    return json.dumps(schema, indent=2) + "\n"
