"""Every setting of the consumer."""

from typing import ClassVar, Literal

from pydantic import Field

from bearing_stream.kafka import TopicSettings
from bearing_stream.wire import MeasurementLimits
from consumer.stage_settings import StageSettings
from model.settings import AssessmentSettings


class ConsumerSettings(StageSettings, MeasurementLimits, AssessmentSettings, TopicSettings):
    """Settings of `bearing-stream consume`."""

    guarantee: Literal["exactly-once", "at-least-once"] = "exactly-once"
    """`exactly-once` commits diagnoses and offsets in one transaction; `at-least-once` commits
    offsets after the diagnoses are acknowledged: faster, and a crash may repeat some."""

    workers: int = Field(default=1, ge=1, le=256)
    """Consumers of the group to run, each in a process of its own: as many as there are cores for
    them. One that ends is started again. With `instance_id`, each adds its number to it."""

    batch_size: int = Field(default=512, ge=1, le=65536)
    """Maximum number of windows diagnosed together; fewer where they take longer than two
    seconds, or a quarter of `transaction_timeout`, and more where a single measurement has more."""

    uncertain_as_unknown: bool = False
    """Predict `Unknown` where the diagnosis has a quality flag, instead of the most probable
    label."""

    silent_intervals: float = Field(default=10.0, ge=2)
    """A sensor counts as silent in the metrics when nothing came from it for so many of its own
    mean intervals."""

    service_name: ClassVar[str] = "bearing-stream-consume"

    instead_of_transactions: ClassVar[str] = ". Or set --guarantee at-least-once"

    @property
    def is_transactional(self) -> bool:
        """Whether diagnoses and offsets are committed in one transaction."""
        return self.guarantee == "exactly-once"
