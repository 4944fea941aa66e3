"""The two dashboards: "is it well?" on one screen, and one for the search for causes."""

from typing import Final

from tools.monitoring.alarm_rows import NOTIFIER, OPERATORS, STAGE
from tools.monitoring.dashboard import Dashboard, Row
from tools.monitoring.panel import Panel, Query
from tools.monitoring.queries import quantile, rate, stat, times

TRAFFIC: Final = Row(
    "Traffic",
    (
        Panel(
            "Diagnoses a second",
            "Committed diagnoses by prediction.",
            (Query(rate("diagnoses_total", "prediction"), "{{prediction}}"),),
            "cps",
            width=12,
            stacked=True,
        ),
        stat("Consumers", "That respond.", "count(bearing_stream_build_info{})", None, "none"),
        stat(
            "Sensors active",
            "That send at their usual interval.",
            "sum(bearing_stream_sensors_active{})",
            None,
            "none",
        ),
        stat(
            "Sensors silent",
            "From which nothing came for a multiple of their own interval.",
            "sum(bearing_stream_sensors_silent{})",
            1,
            "none",
        ),
    ),
)

LATENCY: Final = Row(
    "Latency",
    (
        Panel(
            "Latency, the worst consumer",
            "99th percentile from Kafka's timestamp to the commit; the maximum over consumers.",
            (Query(f"max({quantile('latency_seconds', 0.99, 'le, instance')})", "p99"),),
            "s",
        ),
        Panel(
            "Freshness, the worst consumer",
            "99th percentile from the first sample to the commit; where the latency is low, "
            "measurements arrive late.",
            (Query(f"max({quantile('freshness_seconds', 0.99, 'le, instance')})", "p99"),),
            "s",
        ),
        Panel(
            "Lag, the worst partitions",
            "Offsets to the last stable offset; 0 when all is read.",
            (
                Query(
                    "topk(10, max by (topic, partition) (bearing_stream_lag{}))",
                    "{{topic}}/{{partition}}",
                ),
            ),
        ),
    ),
)

ERRORS: Final = Row(
    "Errors",
    (
        stat(
            "Partitions that stand",
            "A message waits, and others move.",
            "sum(bearing_stream_partition_stalled{})",
            1,
            "none",
        ),
        stat(
            "Offsets lost in a day",
            "Windows that retention deleted before they were diagnosed.",
            "sum(increase(bearing_stream_skipped_offsets_total{}[1d]))",
            1,
            "none",
        ),
        Panel(
            "Dead letters a second",
            "By reason: messages that cannot be diagnosed.",
            (Query(rate("dead_letters_total", "reason") + " > 0", "{{reason}}"),),
            "cps",
            stacked=True,
        ),
        Panel(
            "Aborts a second",
            "Deliveries that were aborted and done again; nothing is lost.",
            (
                Query(
                    "sum by (instance) (rate("
                    'bearing_stream_transactions_total{,outcome="aborted"}[$__rate_interval]))',
                    "{{instance}}",
                ),
            ),
            "cps",
        ),
    ),
)

SATURATION: Final = Row(
    "Saturation",
    (
        Panel(
            "Share of time in inference, the busiest consumer",
            "1 is a consumer that does nothing else: add partitions and consumers before.",
            (
                Query(
                    "max(rate(bearing_stream_inference_seconds_sum{}[$__rate_interval]))", "busiest"
                ),
            ),
            "percentunit",
        ),
        Panel(
            "Share of batches that are full",
            "Near 1, consumers are at their limit.",
            (
                Query(
                    'sum(rate(bearing_stream_batches_total{,reason="full"}[$__rate_interval])) / '
                    + rate("batches_total"),
                    "full",
                ),
            ),
            "percentunit",
        ),
        Panel(
            "Memory, the largest consumer",
            "Resident memory of the process.",
            (Query("max(process_resident_memory_bytes{})", "largest"),),
            "bytes",
        ),
    ),
)

WELL: Final = Dashboard(
    "bearing-stream-well",
    "bearing-stream: is it well?",
    "Traffic, latency, errors, saturation, on one screen. Maxima, since a mean hides the partition "
    "or the consumer that is not well.",
    (TRAFFIC, LATENCY, ERRORS, SATURATION),
)

DIGGING: Final = Dashboard(
    "bearing-stream-causes",
    "bearing-stream: causes",
    "Everything that is measured, to find out why.",
    (
        Row(
            "Diagnoses",
            (
                Panel(
                    "Windows a second by consumer",
                    "Windows of committed diagnoses.",
                    (Query(rate("windows_total", "instance"), "{{instance}}"),),
                    "cps",
                ),
                Panel(
                    "Share of uncertain diagnoses",
                    "By quality flag; a diagnosis may have several.",
                    (
                        Query(
                            f"{rate('uncertain_total', 'reason')} / ignoring (reason) "
                            f"group_left () {rate('diagnoses_total')}",
                            "{{reason}}",
                        ),
                    ),
                    "percentunit",
                ),
                Panel(
                    "Headers that could not be read, a second",
                    "Optional headers that were left out, by name.",
                    (Query(rate("ignored_headers_total", "header"), "{{header}}"),),
                    "cps",
                ),
            ),
        ),
        Row(
            "Times",
            (
                times("Latency", "From Kafka's timestamp to the commit.", "latency_seconds"),
                times("Freshness", "From the first sample to the commit.", "freshness_seconds"),
                Panel(
                    "Since the last round of the loop",
                    "Of each consumer; a loop that hangs grows.",
                    (Query("time() - bearing_stream_last_poll_timestamp_seconds{}"),),
                    "s",
                ),
            ),
        ),
        Row(
            "Steps",
            (
                times("Assessing a batch", "Seconds for a batch.", "inference_seconds", 6),
                times("Commits", "Flush, offsets and transaction.", "commit_seconds", 6),
                Panel(
                    "Windows in a batch",
                    "Median, and the largest.",
                    (
                        Query(quantile("batch_windows", 0.5), "p50"),
                        Query(quantile("batch_windows", 1), "largest"),
                    ),
                    width=6,
                ),
                Panel(
                    "Batches a second",
                    "By the reason for which they were dispatched.",
                    (Query(rate("batches_total", "reason"), "{{reason}}"),),
                    "cps",
                    width=6,
                    stacked=True,
                ),
            ),
        ),
        Row(
            "Kafka",
            (
                Panel(
                    "Transactions a second",
                    "By outcome.",
                    (Query(rate("transactions_total", "outcome"), "{{outcome}}"),),
                    "cps",
                    width=6,
                ),
                Panel(
                    "Open transactions",
                    "Seconds for which a last stable offset has not moved though records follow.",
                    (
                        Query(
                            "max by (topic, partition) (bearing_stream_undecided_seconds{}) > 0",
                            "{{topic}}/{{partition}}",
                        ),
                    ),
                    "s",
                    width=6,
                ),
                Panel(
                    "Client errors a second",
                    "Transient errors by librdkafka's name.",
                    (Query(rate("kafka_errors_total", "name"), "{{name}}"),),
                    "cps",
                    width=6,
                ),
                Panel(
                    "Rebalances",
                    "In an hour, by kind.",
                    (
                        Query(
                            "sum by (event) (increase(bearing_stream_rebalances_total{}[1h]))",
                            "{{event}}",
                        ),
                    ),
                    width=6,
                ),
            ),
        ),
        Row(
            "Partitions and processes",
            (
                Panel(
                    "Lag by partition",
                    "Offsets to the last stable offset.",
                    (
                        Query(
                            "max by (topic, partition) (bearing_stream_lag{})",
                            "{{topic}}/{{partition}}",
                        ),
                    ),
                    width=6,
                ),
                Panel(
                    "Assigned partitions",
                    "By consumer; with 0 it is idle.",
                    (Query("bearing_stream_assigned_partitions{}", "{{instance}} {{worker}}"),),
                    width=6,
                ),
                Panel(
                    "CPU",
                    "Cores that a process uses.",
                    (Query("rate(process_cpu_seconds_total{}[$__rate_interval])", "{{instance}}"),),
                    width=6,
                ),
                Panel(
                    "Repeated, restarted, fallen back",
                    "In an hour: messages that were redelivered, logs that began anew, devices "
                    "that failed, workers that do not respond.",
                    (
                        Query(
                            "sum(increase(bearing_stream_repeated_messages_total{}[1h]))",
                            "repeated messages",
                        ),
                        Query(
                            "sum(increase(bearing_stream_restarted_partitions_total{}[1h]))",
                            "restarted partitions",
                        ),
                        Query(
                            "sum(increase(bearing_stream_device_fallbacks_total{}[1h]))",
                            "device fallbacks",
                        ),
                        Query("sum(1 - bearing_stream_worker_up{})", "workers down"),
                    ),
                    width=6,
                ),
            ),
        ),
        OPERATORS,
        STAGE,
        NOTIFIER,
    ),
)

DASHBOARDS: Final = {"is-it-well.json": WELL, "causes.json": DIGGING}
"""File in `deploy/grafana/` → the dashboard in it."""
