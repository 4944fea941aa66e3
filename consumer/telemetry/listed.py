"""Every metric that each stage exports, and those that only `consume` does, listed once.

Names are stable; rules and dashboards may depend on them. A sensor is never a label: a fleet has
too many of them for Prometheus.
"""

from typing import Final

from bearing_stream.observability import Metric

PREFIX: Final = "bearing_stream_"

NOTHING: Final = "None."

BUILD_INFO: Final = Metric(
    f"{PREFIX}build_info",
    "gauge",
    ("version", "model", "model_version", "backend", "device", "guarantee"),
    "Always 1; its labels name what runs. A reading begins when the model is loaded.",
    "Compare `model_version` across consumers after a roll-out.",
)

DIAGNOSES: Final = Metric(
    f"{PREFIX}diagnoses_total",
    "counter",
    ("prediction",),
    "Committed diagnoses, by prediction.",
    NOTHING,
)

WINDOWS: Final = Metric(
    f"{PREFIX}windows_total",
    "counter",
    (),
    "Windows of the measurements whose diagnoses are committed.",
    NOTHING,
)

UNCERTAIN: Final = Metric(
    f"{PREFIX}uncertain_total",
    "counter",
    ("reason",),
    "Committed diagnoses with a quality flag, by flag; a diagnosis may have several.",
    "Check the sensors that the flag points to.",
)

DEAD_LETTERS: Final = Metric(
    f"{PREFIX}dead_letters_total",
    "counter",
    ("reason",),
    "Committed dead letters, by reason.",
    "`bearing-stream dead-letters list` names them; correct what sends them.",
)

IGNORED_HEADERS: Final = Metric(
    f"{PREFIX}ignored_headers_total",
    "counter",
    ("header",),
    "Optional headers of measurements that could not be read, by name.",
    "Mend what sends them: a shaft speed that is left out costs precision.",
)

BATCHES: Final = Metric(
    f"{PREFIX}batches_total",
    "counter",
    ("reason",),
    "Batches dispatched: `full`, `delay` (its oldest message waited `max_delay`), `caught-up` "
    "or `finish`.",
    "Mostly `full` is a process at its limit: add partitions and processes.",
)

BATCH_WINDOWS: Final = Metric(
    f"{PREFIX}batch_windows", "histogram", (), "Windows in a batch.", NOTHING
)

INFERENCE: Final = Metric(
    f"{PREFIX}inference_seconds",
    "histogram",
    (),
    "Seconds to assess a batch.",
    "If it rises at the same size of batches, check the device, and what else uses it.",
)

COMMIT: Final = Metric(
    f"{PREFIX}commit_seconds",
    "histogram",
    (),
    "Seconds of a successful commit: flush, offsets and the end of the transaction.",
    "If it rises, check the brokers: their disks and their load.",
)

LATENCY: Final = Metric(
    f"{PREFIX}latency_seconds",
    "histogram",
    (),
    "Seconds from the Kafka timestamp of a measurement to the commit of its diagnosis.",
    "If it rises with the lag, add partitions and consumers; else lower `commit_interval`.",
)

FRESHNESS: Final = Metric(
    f"{PREFIX}freshness_seconds",
    "histogram",
    (),
    "Seconds from the first sample of a measurement (`ce_time`) to the commit of its diagnosis.",
    "Where the latency is low, the measurements arrive late: check sensors and gateways, and "
    "their clocks.",
)

LAG: Final = Metric(
    f"{PREFIX}lag",
    "gauge",
    ("topic", "partition"),
    "Offsets from the position of this process to the last stable offset of an assigned "
    "partition; 0 where no message that can be read is between them. While results cannot be "
    "delivered, from the last position.",
    "If it grows, add partitions and processes.",
)

PARTITION_STALLED: Final = Metric(
    f"{PREFIX}partition_stalled",
    "gauge",
    ("topic", "partition"),
    "1 where a message waits in an assigned partition that does not move, though others do, or "
    "where its leader does not respond; else 0.",
    "Check the broker that leads the partition; if it is well, restart the process.",
)

UNDECIDED: Final = Metric(
    f"{PREFIX}undecided_seconds",
    "gauge",
    ("topic", "partition"),
    "Seconds for which the last stable offset of a partition has not moved though records follow "
    "it: a transaction is open there. Of the assigned partitions, and of all of one topic that is "
    "written: the diagnoses, or the state of the alarms.",
    "Beyond the timeout of the transaction it hangs: `bearing-stream transactions list` names it, "
    "and `bearing-stream transactions abort` ends it.",
)

TRANSACTIONS: Final = Metric(
    f"{PREFIX}transactions_total",
    "counter",
    ("outcome",),
    "Deliveries that were `committed` or `aborted`; at least once, those are commits of offsets. "
    "After each that is aborted, the process reads again from the committed offsets.",
    "If `aborted` rises, see the event `rewinding` in the log.",
)

REBALANCES: Final = Metric(
    f"{PREFIX}rebalances_total",
    "counter",
    ("event",),
    "Times that partitions were `assigned`, `revoked` or `lost`.",
    "If `lost` rises, the group has removed this process: check `session_timeout` and its load.",
)

ASSIGNED: Final = Metric(
    f"{PREFIX}assigned_partitions",
    "gauge",
    (),
    "Partitions of the topic that is read that are assigned to this process.",
    "A process with 0 is idle: add partitions, or run fewer processes.",
)

SKIPPED: Final = Metric(
    f"{PREFIX}skipped_offsets_total",
    "counter",
    (),
    "Offsets that retention deleted before they were read, or of batches that cannot be unpacked: "
    "lost.",
    "Keep the topic longer, or add processes; see `offsets_skipped` and `batch_unreadable` in the "
    "log.",
)

REPEATED: Final = Metric(
    f"{PREFIX}repeated_messages_total",
    "counter",
    (),
    "Messages that Kafka redelivered, and that were ignored.",
    NOTHING,
)

RESTARTED: Final = Metric(
    f"{PREFIX}restarted_partitions_total",
    "counter",
    (),
    "Partitions whose log was deleted and created anew, or cut off.",
    "See `topic_recreated` and `log_truncated` in the log.",
)

KAFKA_ERRORS: Final = Metric(
    f"{PREFIX}kafka_errors_total",
    "counter",
    ("name",),
    "Transient errors that the Kafka client reported, by the name of librdkafka.",
    "If it keeps rising, check the brokers and the network.",
)

DEVICE_FALLBACKS: Final = Metric(
    f"{PREFIX}device_fallbacks_total",
    "counter",
    (),
    "Times that a device failed and the CPU took its place.",
    "Check the GPU and its driver, then restart the consumer to use it again.",
)

READY: Final = Metric(
    f"{PREFIX}ready",
    "gauge",
    (),
    "1 if the stage does its work now, as `/readyz` reports it; else 0.",
    "`problems` at `/readyz` names why it is not.",
)

LAST_POLL: Final = Metric(
    f"{PREFIX}last_poll_timestamp_seconds",
    "gauge",
    (),
    "Unix time of the last round of the loop; 0 before the first.",
    "If it is old, the loop hangs; the watchdog ends the process.",
)

SENSORS_ACTIVE: Final = Metric(
    f"{PREFIX}sensors_active",
    "gauge",
    (),
    "Sensors of the assigned partitions that send at their usual interval.",
    NOTHING,
)

SENSORS_SILENT: Final = Metric(
    f"{PREFIX}sensors_silent",
    "gauge",
    (),
    "Sensors of the assigned partitions from which nothing came for `silent_intervals` of their "
    "own mean intervals.",
    "`bearing-stream watch` shows when a sensor was last seen; check its gateway.",
)

WORKER_UP: Final = Metric(
    f"{PREFIX}worker_up",
    "gauge",
    ("worker",),
    "With `--workers`: 1 if the worker responds, else 0; its metrics are then missing.",
    "See `worker_ended` and `worker_frozen` in the log.",
)

LOOP_METRICS: Final = (
    LAG,
    PARTITION_STALLED,
    UNDECIDED,
    COMMIT,
    BATCHES,
    TRANSACTIONS,
    REBALANCES,
    ASSIGNED,
    SKIPPED,
    REPEATED,
    RESTARTED,
    KAFKA_ERRORS,
    READY,
    LAST_POLL,
)
"""What every stage exports."""

CONSUMER_METRICS: Final = (
    BUILD_INFO,
    DIAGNOSES,
    WINDOWS,
    UNCERTAIN,
    DEAD_LETTERS,
    IGNORED_HEADERS,
    BATCH_WINDOWS,
    INFERENCE,
    LATENCY,
    FRESHNESS,
    DEVICE_FALLBACKS,
    SENSORS_ACTIVE,
    SENSORS_SILENT,
)
"""What only `consume` exports."""

METRICS: Final = (*CONSUMER_METRICS, *LOOP_METRICS)
"""What one consumer exports."""

SUPERVISOR_METRICS: Final = (WORKER_UP,)
"""What the supervisor of several adds to theirs, whose samples then have a label `worker`."""
