"""The limits of a measurement, each defined once."""

from typing import Self

from pydantic import Field, model_validator

from bearing_stream.sampling import HIGHEST_RATE, LOWEST_RATE, LowestRate
from bearing_stream.vocabulary import WINDOW_LENGTH


class MeasurementLimits(LowestRate, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """Which rates and lengths of a measurement are read; it must make at least one window too."""

    max_sampling_rate: float = Field(default=1_000_000.0, ge=LOWEST_RATE, le=HIGHEST_RATE)
    """Highest sampling rate in Hz."""

    max_samples: int = Field(default=2_097_152, ge=WINDOW_LENGTH, le=2**27)
    """Most samples of a measurement: by default 41 s at 51.2 kHz, three minutes at 12 kHz. It
    bounds the memory that one takes, some 40 bytes a sample, as JSON 100; resampled to 12 kHz it
    has at most so many too."""

    @model_validator(mode="after")
    def _rates_are_ordered(self) -> Self:
        if self.min_sampling_rate > self.max_sampling_rate:
            raise ValueError(
                "min_sampling_rate must not be above max_sampling_rate; they are "
                f"{self.min_sampling_rate:.10g} Hz and {self.max_sampling_rate:.10g} Hz"
            )
        return self
