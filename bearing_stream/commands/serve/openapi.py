"""What the OpenAPI description says of requests and answers, with examples that work."""

from math import sin
from typing import Any, Final

from bearing_stream.commands.serve.answers import Answer, InvalidAnswer, Refusal
from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH

_RECORD: Final = [round(sin(0.3 * i) * sin(0.007 * i * i), 3) for i in range(WINDOW_LENGTH)]
"""A window to try the interface with; of no bearing."""

_EXAMPLE: Final = {
    "Analysis": [
        {
            "Prediction": "Ball",
            "Probabilities": dict(zip(FAULT_LABELS, (0.91, 0.05, 0.03, 0.01), strict=True)),
            "Quality": "uncertain",
            "Reasons": ["novelty"],
            "Novelty": 1.7,
        }
    ],
    "Execution Time": 0.4,
}

_ITEM: Final = {
    "type": "object",
    "required": ["record"],
    "properties": {
        "record": {
            "type": "array",
            "description": "Samples at 12 kHz in any unit, each finite.",
            "items": {"type": "number"},
            "minItems": WINDOW_LENGTH,
            "maxItems": WINDOW_LENGTH,
        }
    },
}

REQUEST: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "array", "items": _ITEM},
                "example": [{"record": _RECORD}],
            },
            "application/octet-stream": {
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "description": f"Windows back to back, each of {WINDOW_LENGTH} samples of "
                    "little-endian float32. Much faster than JSON.",
                }
            },
        },
    }
}
"""The body: FastAPI itself does not read it, since its way takes three times as long."""

RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": Answer,
        "description": "A diagnosis for each record, in order.",
        "content": {"application/json": {"example": _EXAMPLE}},
    },
    408: {"model": Refusal, "description": "The body did not come in time."},
    413: {"model": Refusal, "description": "The body is too large."},
    415: {"model": Refusal, "description": "The content type is neither of the two."},
    422: {"model": InvalidAnswer, "description": "Which record is wrong, and how."},
    503: {
        "model": Refusal,
        "description": "Too much is in the works; nothing was diagnosed.",
        "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
    },
}

HEALTH: Final[dict[int | str, dict[str, Any]]] = {503: {"description": "It does not answer."}}
