"""The limits beyond which a diagnosis is flagged as uncertain, each defined once."""

from pydantic import BaseModel, Field


class SignalLimits(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """Limits of what may be wrong with a signal.

    No window of the CWRU recordings exceeds the limits by a fault of the signal but those that are
    clipped. The most of the 3,607 windows: 4 clipping samples in a window of recording 200, 1 in
    others; 3 equal samples in a row; 0.4 % of the power in a step; 0.06 % in a mains tone. Where
    the highest and the lowest level are equally far from zero, as an amplifier's are, one sample at
    each is clipping (200, 236, 237; by chance in 3 windows).
    """

    clipping_samples: int = Field(default=2, ge=1)
    """Flag windows in which this many samples, beyond the first of each, equal the highest or the
    lowest value."""

    dropout_samples: int = Field(default=16, ge=3, le=2048)
    """Flag windows that hold exactly the same value for so many samples."""

    jump_share: float = Field(default=0.08, gt=0, le=1)
    """Flag windows where a step of the mean makes up more than this share of the power."""

    mains_hum_share: float = Field(default=0.2, gt=0, le=1)
    """Flag windows where 50 or 60 Hz make up more than this share of the power. A tone there counts
    as the shaft's where once or twice its speed is within 5.9 Hz, which is what a window
    resolves."""


class AssessmentLimits(SignalLimits):
    """Limits of the signal, and of novelty."""

    novelty_limit: float = Field(default=1.0, gt=0)
    """Flag diagnoses whose `novelty` is above this, where the network decided. At 1, that is one in
    a hundred good windows."""
