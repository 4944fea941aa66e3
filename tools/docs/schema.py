"""The JSON Schema of a diagnosis, for subscribers in any language.

`python -m tools.docs.schema > assets/diagnosis.schema.json` writes the committed copy; a test holds
the two together.
"""

import json

import click

from bearing_stream.wire.diagnosis import Diagnosis


def diagnosis_schema() -> str:
    """The JSON Schema (draft 2020-12) of a diagnosis as it is on the wire."""
    schema = Diagnosis.model_json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    click.echo(diagnosis_schema(), nl=False)
