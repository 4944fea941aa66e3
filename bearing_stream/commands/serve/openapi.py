"""The OpenAPI description of requests and responses, with valid examples."""

from math import sin
from typing import Any, Final

from bearing_stream.commands.serve.responses import (
    DiagnosisResponse,
    ErrorResponse,
    ValidationErrorResponse,
)
from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH

_RECORD: Final = [round(sin(0.3 * i) * sin(0.007 * i * i), 3) for i in range(WINDOW_LENGTH)]
"""A synthetic window to try the interface with."""

_EXAMPLE: Final = {
    "Analysis": [
        {
            "Prediction": "Ball",
            "Probabilities": dict(zip(FAULT_LABELS, (0.91, 0.05, 0.03, 0.01), strict=True)),
            "Quality": "uncertain",
            "Reasons": ["novelty"],
            "Novelty": 1.7,
            "Windows": 5,
            "Indicators": {
                "rms": 0.31,
                "peak": 1.2,
                "crest_factor": 3.87,
                "kurtosis": 3.1,
                "velocity_rms": 1.2,
                "lines": {"outer": 0.4, "inner": -0.2, "ball": 7.5},
            },
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
            "description": f"Samples in any unit, each finite: {WINDOW_LENGTH} at 12 kHz, or any "
            "number from one window on where the query states the sampling rate.",
            "items": {"type": "number"},
            "minItems": WINDOW_LENGTH,
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
                    "little-endian float32, or one measurement where the query states the sampling "
                    "rate. Much faster than JSON.",
                }
            },
        },
    }
}
"""The body. FastAPI does not decode it, because that takes three times as long."""

RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": DiagnosisResponse,
        "description": "A diagnosis for each record, in order.",
        "content": {"application/json": {"example": _EXAMPLE}},
    },
    400: {"model": ErrorResponse, "description": "The body is not in the encoding it states."},
    408: {"model": ErrorResponse, "description": "The body was not received in time."},
    413: {"model": ErrorResponse, "description": "The body is too large."},
    415: {
        "model": ErrorResponse,
        "description": "The content type is neither of the two, or the encoding is not gzip.",
    },
    422: {
        "model": ValidationErrorResponse,
        "description": "The invalid records, and why they are invalid.",
    },
    503: {
        "model": ErrorResponse,
        "description": "The service is overloaded; nothing was diagnosed.",
        "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
    },
}

HEALTH: Final[dict[int | str, dict[str, Any]]] = {
    503: {"description": "The service does not process requests."}
}
