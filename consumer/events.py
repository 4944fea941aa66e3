"""Every event that the consumer logs, listed once.

A log line is one of these events: its name in the field `event`, the facts in further fields and,
where it helps a person, a sentence in `detail`. Names are stable; programs may depend on them.
Importing this module loads neither torch nor the Kafka client.
"""

from typing import Any, Final

from bearing_stream.logs import Event, log_event

WAITING_AT_STARTUP: Final = Event(
    "waiting_at_startup",
    "warning",
    "At the start, the cluster does not respond or a topic does not exist yet. `reason` names what "
    "is missing, once for each reason. The consumer waits up to `startup_timeout`.",
    "Start the brokers, or create the topic; the consumer then continues by itself.",
)

UNREPLICATED: Final = Event(
    "unreplicated",
    "warning",
    "The topics in `topics` have a partition with a single replica. If its broker dies while Kafka "
    "commits, a part of the transaction can stay undecided; after a failure, and when partitions "
    "are assigned, the consumer therefore reads back its last results. It needs `Read` on them.",
    "Replicate the topics three times, with `min.insync.replicas` 2, if there are three brokers.",
)

READY: Final = Event(
    "ready",
    "info",
    "The consumer is set up and joins its group. `model`, `device` and `settings` are those in "
    "use, without secrets.",
    "None.",
)

METRICS_SERVED: Final = Event(
    "metrics_served",
    "info",
    "Metrics and health can be read at `address`, before the stage is ready too.",
    "None.",
)

WORKER_STARTED: Final = Event(
    "worker_started",
    "info",
    "With `--workers`: the supervisor started the worker with the number `worker` as `process`. "
    "Number 0 serves the metrics of all.",
    "None.",
)

WORKER_ENDED: Final = Event(
    "worker_ended",
    "warning",
    "With `--workers`: a worker ended with `status`, negative for the number of a signal, or could "
    "not be started, for the reason in `reason`. It is "
    "started again in `seconds_to_next_start`; without that, it ended for the fifth time in a row "
    "within a minute of its start, and the supervisor ends with status 1.",
    "Read the worker's lines before: it logs why it ends.",
)

WORKER_FROZEN: Final = Event(
    "worker_frozen",
    "error",
    "With `--workers`: the worker with the number `worker` runs as `process`, and has not reported "
    "that it is alive for `seconds`: for a minute, or for three since its start. The supervisor "
    "kills it, and starts it again.",
    "None if it happens once, or while the machine has no memory left. Otherwise report it, with "
    "the lines of the worker before.",
)

WORKER_NOT_STOPPED: Final = Event(
    "worker_not_stopped",
    "error",
    "With `--workers`: the worker with the number `worker` still runs as `process`, `seconds` "
    "after it was asked to stop. The supervisor kills it, and ends with status 1. What was in "
    "flight is not committed; the next consumer does it again.",
    "None if it was frozen, or while the machine has no memory left. Otherwise report it, with the "
    "lines of the worker before.",
)

TABLE_CHANGED: Final = Event(
    "table_changed",
    "info",
    "The table of sensors, or a baseline that it names, has changed on disk, and is used from this "
    "batch on; `model` is the model with its new version.",
    "None.",
)

TABLE_INVALID: Final = Event(
    "table_invalid",
    "warning",
    "The table of sensors has changed and cannot be used, for the reason in `reason`. The one that "
    "was read before stays in use, with its version in `model`.",
    "Correct the table; it is then read by itself. A consumer that starts with it ends at once.",
)

REPORT: Final = Event(
    "report",
    "info",
    "Every `report_interval`: the counts since the start, and `windows_per_s` since the last "
    "report. Only committed diagnoses and dead letters are counted.",
    "None. Windows in `skipped` are lost; a growing count in `aborts` or `kafka_errors` shows "
    "trouble with the brokers.",
)

UNKNOWN_MACHINE: Final = Event(
    "unknown_machine",
    "warning",
    "The first measurement of a machine that the sensor table does not know, from the sensor in "
    "`sensor`; once while the consumer runs. The network was trained on another machine: its "
    "predictions for such sensors are marked `uncertain`, with the reason `unknown-machine`.",
    "Fit a baseline to healthy recordings with `bearing-stream baseline`, and give the sensor a "
    "row in the table that `sensor_table` names.",
)

KAFKA_ERROR: Final = Event(
    "kafka_error",
    "warning",
    "The Kafka client reports a transient error. Each kind, named in `kind`, is logged once "
    "between two reports and counted in `kafka_errors`; `detail` is the text of the client.",
    "None if it stops. If it stays, check the brokers, their disks and the network.",
)

REWINDING: Final = Event(
    "rewinding",
    "warning",
    "A delivery failed for the reason in `reason`. The consumer aborts what is in flight and reads "
    "again from the committed offsets. No window is lost.",
    "None if `resumed` follows. If it is logged again and again, act on `reason`.",
)

WAITING_FOR_KAFKA: Final = Event(
    "waiting_for_kafka",
    "warning",
    "The rewind itself failed, for the reason in `reason`. The consumer retries with a growing "
    "pause until it succeeds.",
    "Check that the brokers are up and that the topics exist.",
)

RESUMED: Final = Event(
    "resumed",
    "info",
    "The rewind succeeded. The consumer continues from the committed offsets.",
    "None.",
)

OFFSETS_SKIPPED: Final = Event(
    "offsets_skipped",
    "error",
    "Retention deleted windows before they were diagnosed: the offsets `first` to `last`, "
    "`skipped` of them, in `partition` of `topic`. The consumer continues after them.",
    "These windows are lost. Keep windows longer (`retention.ms`, `retention.bytes`) or add "
    "consumers; `--on-gap stop` ends the consumer instead.",
)

BATCH_UNREADABLE: Final = Event(
    "batch_unreadable",
    "error",
    "Messages that were sent as one batch cannot be unpacked, for the reason in `reason`: the "
    "offsets `first` to `last` in `partition` of `topic`. The batch is damaged, or unpacks to more "
    "than `receive.message.max.bytes`. The consumer continues after it; a dead letter with the "
    "reason `unreadable-batch` names the offsets, which count in `skipped`.",
    "Let the sender make smaller batches, or permit larger ones with `--kafka "
    "receive.message.max.bytes=…`.",
)

TOPIC_RECREATED: Final = Event(
    "topic_recreated",
    "error",
    "The windows topic was deleted and created anew: the group's offset `expected` of `partition` "
    "belongs to the log that is gone. The new log holds the offsets `begin` to `end`; the consumer "
    "reads it from `resumed_at` on, and replaces the group's offset. Counted in "
    "`restarted_partitions`.",
    "None if it was intended. Windows of the old topic that were not diagnosed are lost.",
)

LOG_TRUNCATED: Final = Event(
    "log_truncated",
    "error",
    "The log of `partition` was cut off before the offset `expected` that the group has reached, "
    "as an unclean leader election does. The consumer takes what a later leader wrote, from "
    "`resumed_at` on. Counted in `restarted_partitions`.",
    "Check the brokers for lost data. Windows that were cut off before they were diagnosed are "
    "lost.",
)

LEADER_AWAITED: Final = Event(
    "leader_awaited",
    "warning",
    "The leader of `partition` of `topic` does not respond, or there is none. The consumer reads "
    "its other partitions, and this one as soon as a leader responds.",
    "Bring the broker back. Replicate the topic.",
)

OUTPUT_UNDECIDED: Final = Event(
    "output_undecided",
    "error",
    "A transaction is open in `partitions` of `topic` for longer than Kafka lets one be: a process "
    "that died left it undecided. Which results follow it cannot be read, so the consumer makes "
    "those that it cannot find again; each has the same `ce_id`.",
    "Abort it with `bearing-stream transactions abort`, since readers of committed messages wait "
    "for it. Replicate the topics.",
)

WINDOWS_WAITING: Final = Event(
    "windows_waiting",
    "warning",
    "The Kafka client delivers nothing, though a probe has read the window at `offset` of "
    "`partition` of `topic`. If the next probe finds one too, the consumer ends with `failed`.",
    "See that a supervisor starts the consumer again.",
)

PARTITION_STALLED: Final = Event(
    "partition_stalled",
    "error",
    "A message waits in `partition` of `topic`, and the consumer stays at the offset `position` "
    "though it goes on in others; `reason` is what another client found there. Once until the "
    "partition moves.",
    "Check the broker that leads the partition; if it is well, restart the consumer.",
)

NOTHING_ASSIGNED: Final = Event(
    "nothing_assigned",
    "warning",
    "The `group` assigns none of the `partitions` of `topic` to any of its consumers, which can "
    "happen where the topic was deleted and created anew, or where the user of the member that "
    "assigns may not read it. If the next probe finds the same, the consumer ends with `failed`.",
    "See that a supervisor starts the consumer again, and that each member's user may read the "
    "topic.",
)

NOT_JOINED: Final = Event(
    "not_joined",
    "warning",
    "Kafka responds and `group`, in `state`, does not have this consumer as a member, though its "
    "client should have joined. If the next probe finds the same, the consumer ends with `failed`.",
    "See that a supervisor starts the consumer again.",
)

STALL_CHECK_FAILED: Final = Event(
    "stall_check_failed",
    "warning",
    "The Kafka client delivers nothing, and Kafka does not report whether windows are waiting; "
    "`reason` is why.",
    "If it stays while the brokers are up, a transaction that holds this group's offsets may hang: "
    "find it with `bearing-stream transactions list --offsets`, and abort it.",
)

STOPPING: Final = Event(
    "stopping",
    "info",
    "The consumer received the signal in `signal`. It finishes what is in flight, commits and "
    "leaves the group.",
    "None.",
)

IN_FLIGHT_ABANDONED: Final = Event(
    "in_flight_abandoned",
    "warning",
    "The consumer stops, and what was in flight could not be committed. The next consumer of the "
    "group does it again; no window is lost.",
    "None.",
)

STOPPED_AT_ONCE: Final = Event(
    "stopped_at_once",
    "warning",
    "A second signal, in `signal`, ends the process with status 1 before it has finished. What was "
    "in flight is not committed; the next consumer does it again.",
    "None.",
)

SHUTDOWN_TIMED_OUT: Final = Event(
    "shutdown_timed_out",
    "error",
    "Kafka did not respond in the `seconds` that a shutdown may take. The process ends with status "
    "1. What was in flight is not committed; the next consumer does it again.",
    "Check that the brokers are up.",
)

CLIENT_HUNG: Final = Event(
    "client_hung",
    "error",
    "A call of the Kafka client has not returned for `seconds`, beyond its own timeout. The "
    "process ends with status 1, so that another consumer can take over.",
    "See that a supervisor starts the consumer again.",
)

FAILED: Final = Event(
    "failed",
    "error",
    "A fatal error ends the process with status 1; `error` names it and what to do.",
    "Do what `error` advises, then start the consumer again.",
)

STOPPED: Final = Event(
    "stopped",
    "info",
    "The consumer has left its group. The fields are those of `report`.",
    "None after `stopping`. Otherwise see `failed`, which follows.",
)

LIBRARY_MESSAGE: Final = Event(
    "library_message",
    "warning",
    "A library, named in `logger`, logged the text in `detail`, at a level of its own.",
    "Read `detail`.",
)

EVENTS: Final = (
    WAITING_AT_STARTUP,
    UNREPLICATED,
    METRICS_SERVED,
    READY,
    WORKER_STARTED,
    WORKER_ENDED,
    WORKER_FROZEN,
    WORKER_NOT_STOPPED,
    TABLE_CHANGED,
    TABLE_INVALID,
    REPORT,
    UNKNOWN_MACHINE,
    KAFKA_ERROR,
    REWINDING,
    WAITING_FOR_KAFKA,
    RESUMED,
    OFFSETS_SKIPPED,
    BATCH_UNREADABLE,
    TOPIC_RECREATED,
    LOG_TRUNCATED,
    LEADER_AWAITED,
    OUTPUT_UNDECIDED,
    WINDOWS_WAITING,
    PARTITION_STALLED,
    NOTHING_ASSIGNED,
    NOT_JOINED,
    STALL_CHECK_FAILED,
    STOPPING,
    IN_FLIGHT_ABANDONED,
    STOPPED_AT_ONCE,
    SHUTDOWN_TIMED_OUT,
    CLIENT_HUNG,
    FAILED,
    STOPPED,
    LIBRARY_MESSAGE,
)
"""All of them, from the start of a consumer to its end."""


def emit(event: Event, **fields: Any) -> None:
    """Log an event at its level.

    Args:
        event: One of `EVENTS`.
        **fields: The facts that its `meaning` names, and `detail` where a sentence helps.
    """
    log_event("consumer", event, fields)
