"""The JSON Schemas of diagnoses and alarms, for subscribers in any language.

`python -m tools.docs` writes them into the assets; tests hold them together.
"""

import json
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from bearing_stream.wire import headers as h
from bearing_stream.wire.alarm import TYPES
from bearing_stream.wire.diagnosis import Diagnosis

VERSIONING = (
    "The header ce_type states the major version. Within it, fields, labels, quality flags and "
    "other values of enums are only added: ignore what you do not know. A field that is removed, "
    "is renamed or changes its type, unit or meaning makes a new major version, with another "
    "ce_type."
)
"""What a reader can rely on."""


ASSETS: Final = Path(__file__).parents[2] / "assets"


def diagnosis_schema() -> str:
    """The JSON Schema (draft 2020-12) of a diagnosis as it is on the wire."""
    return _schema(Diagnosis, h.DIAGNOSIS_TYPE)


def schemas() -> dict[Path, str]:
    """File → the JSON Schema that it must hold."""
    found = {ASSETS / "diagnosis.schema.json": diagnosis_schema()}
    for model, name in TYPES.items():
        file = name.removeprefix("bearing.").removesuffix(".v1")
        found[ASSETS / f"{file}.schema.json"] = _schema(model, name)
    return found


def _schema(model: type[BaseModel], name: str) -> str:
    schema = model.model_json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = name
    schema["description"] = f"{model.__doc__} {VERSIONING}"
    return json.dumps(schema, indent=2) + "\n"
