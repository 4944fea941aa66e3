"""What every stage has: it reads one topic in a group, writes others, and commits exactly once."""

from typing import ClassVar, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from bearing_stream.kafka import ConnectionSettings
from bearing_stream.kafka.topics import transactional_name
from consumer.endpoint_settings import EndpointSettings

LONGEST_BATCH: Final = 2.0
"""Seconds at most that it may take to process a batch: a stage that stops finishes it first."""

SECOND_ID: Final = ".second"
"""The end of the second transactional id of a stage."""

OWN_PROPERTIES: Final = {
    "auto.offset.reset": "set start_from",
    "group.id": "set group",
    "group.instance.id": "set instance_id",
    "group.protocol": "set group_protocol",
    "transactional.id": "set instance_id",
    "transaction.timeout.ms": "set transaction_timeout",
    "message.timeout.ms": "set transaction_timeout",
    "delivery.timeout.ms": "set transaction_timeout",
    **dict.fromkeys(
        (
            "acks",
            "request.required.acks",
            "auto.commit.enable",
            "delivery.report.only.error",
            "enable.auto.commit",
            "enable.auto.offset.store",
            "enable.idempotence",
            "isolation.level",
        ),
        "set guarantee",
    ),
}
"""Client properties that the guarantee depends on → what to set instead of them."""


class StageSettings(EndpointSettings, ConnectionSettings):
    """Settings of a stage: consume, transform, produce, commit."""

    instead_of_transactions: ClassVar[str] = ""
    """What to advise where a name does not do for transactions."""

    service_name: ClassVar[str] = "bearing-stream"
    """What OpenTelemetry calls the stage, where the environment does not name it."""

    group: str = Field(default="bearing-stream", min_length=1)
    """Consumer group. Consumers of one group share the partitions of the topic that they read."""

    instance_id: str | None = Field(default=None, min_length=1)
    """Stable name of this consumer, unique in its group. With it a restart keeps its partitions
    (static membership) and takes over its own unfinished transaction at once."""

    group_protocol: Literal["classic", "consumer"] = "classic"
    """Rebalance protocol: `classic` with cooperative-sticky assignment, or `consumer`, the new one
    of Kafka 4 (KIP-848)."""

    start_from: Literal["earliest", "latest"] = "earliest"
    """Where a group begins that has committed no offset in the topic that it reads. Partitions that
    are added later are read from their beginning."""

    topic_check_interval: float = Field(default=5.0, ge=0.1, le=3600)
    """Seconds between two checks whether partitions were added to the topic that is read, and
    whether it was deleted and created anew."""

    on_gap: Literal["continue", "stop"] = "continue"
    """What to do when retention has deleted messages before they were processed: `continue` logs
    the range as an error, counts it and continues after it; `stop` ends with status 1."""

    create_topics: bool = False
    """Create the topics that are missing, with the broker's default number of partitions."""

    max_delay: float = Field(default=0.02, ge=0, le=60)
    """Seconds that a message waits at most for its batch to fill. When there is nothing more to
    fetch, it does not wait."""

    commit_interval: float = Field(default=0.2, gt=0, le=60)
    """Seconds that a transaction spans at most under load. When the consumer has caught up, it
    commits at once."""

    transaction_timeout: float = Field(default=10.0, ge=1, le=900)
    """Seconds after which Kafka aborts the transaction of a consumer that died. Until then, readers
    of committed messages wait."""

    session_timeout: float = Field(default=10.0, ge=1, le=1800)
    """Seconds without heartbeat after which the group gives a consumer's partitions to others
    (`classic` only; with `consumer` the broker decides)."""

    report_interval: float = Field(default=30.0, gt=0)
    """Seconds between two `report` events, which log the counts."""

    client_statistics: float | None = Field(default=None, ge=0.1, le=86400)
    """Seconds between two reports of librdkafka's own statistics, which `/statistics` at the
    `metrics_port` returns as JSON: queues, requests, round trips by broker. By default it makes
    none."""

    otlp: bool = False
    """Push the metrics through OTLP, and of `consume` a span for each batch. The standard variables
    `OTEL_*` name where to and as what. Needs the extra `otel`."""

    log_format: Literal["auto", "console", "json"] = "auto"
    """`json` is one object in each line; `auto` is `console` on a terminal, and `json` else."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""

    @property
    def is_transactional(self) -> bool:
        """Whether results and offsets are committed in one transaction."""
        return True

    @property
    def target_batch_duration(self) -> float:
        """Seconds that it may take to diagnose a batch; if it takes longer, later ones are smaller.

        A transaction may wait for a batch before it is committed, and must not time out meanwhile.
        """
        return min(self.transaction_timeout / 4, LONGEST_BATCH)

    @field_validator("kafka")
    @classmethod
    def _keeps_the_guarantee(cls, kafka: dict[str, str]) -> dict[str, str]:
        for name, instead in OWN_PROPERTIES.items():
            if name in kafka:
                raise ValueError(f"'{name}' is reserved for the consumer: {instead} instead")
        return kafka

    @model_validator(mode="after")
    def _offsets_can_be_committed_in_a_transaction(self) -> Self:
        if self.is_transactional:
            for name in ("group", "instance_id"):
                try:
                    transactional_name(getattr(self, name) or "")
                except ValueError as error:
                    raise ValueError(
                        f"--{name.replace('_', '-')}: {error}{self.instead_of_transactions}"
                    ) from None
            if (self.instance_id or "").endswith(SECOND_ID):
                raise ValueError(
                    f"--instance-id: '{self.instance_id}' ends with '{SECOND_ID}', as the second "
                    "transactional id of another instance does: choose another name"
                )
        return self

    @model_validator(mode="after")
    def _commits_before_the_transaction_times_out(self) -> Self:
        if self.commit_interval > self.transaction_timeout / 2:
            raise ValueError(
                f"commit_interval ({self.commit_interval:g} s) must be at most half of "
                f"transaction_timeout ({self.transaction_timeout:g} s): Kafka aborts what is not "
                "committed by then"
            )
        return self

    @model_validator(mode="after")
    def _statistics_can_be_read(self) -> Self:
        if self.client_statistics is not None and self.metrics_port is None:
            raise ValueError("client_statistics needs a metrics_port: /statistics there returns it")
        return self
