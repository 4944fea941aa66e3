"""The settings of whatever diagnoses: consumer, HTTP and files alike."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from bearing_stream.config import Settings
from model.limits import Limits

_LIMITS = Limits()


class AssessmentSettings(Settings):
    """Which network, who decides, and what is doubted."""

    assets: Path | None = None
    """Folder with the trained network; default is the one that ships."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network runs. `auto` takes CUDA where there is one."""

    threads: int = Field(default=1, ge=1, le=256)
    """CPU threads of a forward pass. The network is small: more consumers serve better than more
    threads."""

    diagnoser: Literal["network", "physics"] = "network"
    """Who decides: `network` alone, or `physics` where it speaks and the network elsewhere, which
    names faults of bearings that were never seen, and takes a baseline of the healthy machine."""

    sensor_table: Path | None = None
    """TOML table of the sensors: which machine's baseline (`bearing-stream baseline`) and which
    full scale each has; default is the CWRU rig's."""

    clipping_samples: int = Field(default=_LIMITS.clipping_samples, ge=1)
    """Flag windows with so many samples at their highest and lowest levels beyond one at each."""

    dropout_samples: int = Field(default=_LIMITS.dropout_samples, ge=3, le=2048)
    """Flag windows that hold exactly the same value for so many samples."""

    jump_share: float = Field(default=_LIMITS.jump_share, gt=0, le=1)
    """Flag windows where a step of the mean makes up more than this share of the power."""

    mains_hum_share: float = Field(default=_LIMITS.mains_hum_share, gt=0, le=1)
    """Flag windows where 50 or 60 Hz make up more than this share of the power. Twice the
    speed of a shaft at 1500 or 1800 rpm, as of a misaligned one, lies there too."""

    novelty_limit: float = Field(default=_LIMITS.novelty_limit, gt=0)
    """Flag windows that are more novel to the network. At 1, one in a hundred good ones is."""

    def limits(self) -> Limits:
        """Return from where on a diagnosis is doubted."""
        return Limits(
            clipping_samples=self.clipping_samples,
            dropout_samples=self.dropout_samples,
            jump_share=self.jump_share,
            mains_hum_share=self.mains_hum_share,
            novelty_limit=self.novelty_limit,
        )
