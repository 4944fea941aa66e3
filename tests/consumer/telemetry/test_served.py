"""What a consumer reports over HTTP in each of its states, on a real Kafka."""

import re
import signal

import pytest
from confluent_kafka import Producer

from bearing_stream.local_kafka import LocalKafka
from consumer import events
from consumer.telemetry.listed import METRICS
from tests.consumer.telemetry.standing import standing
from tests.consumer_process import ConsumerProcess
from tests.endpoint_client import address_of, await_ready, get, samples, total
from tests.kafka_tools import (
    Topics,
    eventually,
    named_topics,
    new_topics,
    simulate_windows,
    wait_until_finished,
)

pytestmark = pytest.mark.integration

METRICS_OPTION = "--metrics-port=0"


def test_a_scrape_counts_what_was_committed(topics: Topics) -> None:
    sent = simulate_windows(topics, 600)
    with ConsumerProcess(topics, METRICS_OPTION) as consumer:
        address = address_of(consumer)
        wait_until_finished(topics)
        await_ready(address)

        def is_counted() -> bool:
            found = samples(address)
            return total(found, "diagnoses_total") == sent and total(found, "lag") == 0

        eventually(is_counted, "the scrape to count all")
        found = samples(address)
        reply = get(f"{address}/metrics", "application/openmetrics-text; version=1.0.0")
        consumer.stop()
    assert reply.content_type.startswith("application/openmetrics-text")
    assert reply.text.endswith("# EOF\n")
    names = {name for name, _ in found}
    for metric in METRICS:
        suffix = "_bucket" if metric.kind == "histogram" else ""
        # Of these there is no sample before the first event.
        if metric.name not in (
            "bearing_stream_ignored_headers_total",
            "bearing_stream_kafka_errors_total",
        ):
            assert metric.name + suffix in names
    assert total(found, "assigned_partitions") == 4
    assert total(found, "latency_seconds_count") == total(found, "freshness_seconds_count") == sent
    assert total(found, "windows_total") == sent
    assert total(found, "transactions_total") > 0
    assert total(found, "sensors_active") + total(found, "sensors_silent") > 0
    assert "process_resident_memory_bytes" in names
    [info] = [dict(labels) for name, labels in found if name == "bearing_stream_build_info"]
    assert (info["model"], info["guarantee"], info["device"]) == (
        *("bearing-cnn+physics", "exactly-once", "cpu"),
    )


def test_the_statistics_of_the_clients_are_returned_on_request(topics: Topics) -> None:
    with ConsumerProcess(topics, METRICS_OPTION, "--client-statistics=0.2") as consumer:
        address = address_of(consumer)
        await_ready(address)
        # The producer reports when it is used.
        simulate_windows(topics, 100)
        eventually(
            lambda: get(f"{address}/statistics").json.keys() >= {"consumer", "producer"},
            "both clients report",
        )
        found = get(f"{address}/statistics").json
        consumer.stop()
    assert (found["consumer"]["type"], found["producer"]["type"]) == ("consumer", "producer")
    assert topics.windows in found["consumer"]["topics"]


def test_markers_of_transactions_are_no_lag(topics: Topics) -> None:
    producer = Producer({"bootstrap.servers": topics.servers, "transactional.id": topics.group})
    producer.init_transactions(30)
    for _ in range(3):
        producer.begin_transaction()
        producer.produce(topics.windows, b"no window", partition=0)
        producer.commit_transaction(30)
    with ConsumerProcess(topics, METRICS_OPTION) as consumer:
        address = address_of(consumer)
        await_ready(address)
        eventually(lambda: total(samples(address), "dead_letters_total") == 3, "all are read")
        # The last marker is an offset that no message has: another client finds nothing there.
        eventually(lambda: total(samples(address), "lag") == 0, "no lag")
        assert get(f"{address}/readyz").status == 200
        consumer.stop()


def test_the_probes_report_a_start_a_run_and_a_stop(topics: Topics) -> None:
    missing = named_topics(topics.servers)
    with ConsumerProcess(missing, METRICS_OPTION, "--startup-timeout=60") as consumer:
        address = address_of(consumer)
        consumer.wait_for(events.WAITING_AT_STARTUP)
        starting = get(f"{address}/readyz")
        assert (starting.status, starting.json["phase"]) == (503, "waiting")
        assert missing.windows in starting.json["problems"][0]
        assert get(f"{address}/livez").status == 200
        assert total(samples(address), "build_info") == 1
    with ConsumerProcess(topics, METRICS_OPTION) as consumer:
        address = address_of(consumer)
        await_ready(address)
        running = get(f"{address}/readyz").json
        assert (running["status"], running["problems"]) == ("ready", [])
        live = get(f"{address}/livez")
        assert (live.status, live.json["phase"]) == (200, "running")
        consumer.stop()


def test_a_consumer_without_its_broker_is_alive_and_not_ready_also_while_it_stops() -> None:
    with LocalKafka() as kafka:
        topics = new_topics(kafka.bootstrap_servers)
        with ConsumerProcess(topics, METRICS_OPTION) as consumer:
            address = address_of(consumer)
            await_ready(address)
            kafka.kill()
            eventually(lambda: get(f"{address}/readyz").status == 503, "it is not ready")
            # The others where the broker went within a call of the client that has no timeout: it
            # is not polled meanwhile, and counts no errors.
            in_a_call = "results cannot be delivered"
            expected = re.compile(
                f"Kafka does not respond|the loop has not finished a round|{in_a_call}"
            )
            eventually(lambda: bool(expected.search(get(f"{address}/readyz").text)), "it is named")
            assert get(f"{address}/livez").status == 200
            eventually(
                lambda: (
                    total(samples(address), "kafka_errors_total") > 0
                    or in_a_call in get(f"{address}/readyz").text
                ),
                "it is counted",
            )
            kafka.start()
            await_ready(address)
            # Without brokers, it cannot leave its group at once.
            kafka.kill()
            consumer.send(signal.SIGTERM)
            consumer.wait_for(events.STOPPING)
            stopping = get(f"{address}/readyz")
            assert (stopping.status, stopping.json["problems"]) == (503, ["it is stopping"])
            assert get(f"{address}/livez").status == 200


def test_who_has_no_partition_is_ready(topics: Topics) -> None:
    single = new_topics(topics.servers, 1)
    with (
        ConsumerProcess(single, METRICS_OPTION) as first,
        ConsumerProcess(single, METRICS_OPTION) as second,
    ):
        addresses = [address_of(each) for each in (first, second)]
        for address in addresses:
            await_ready(address)
        eventually(
            lambda: sorted(total(samples(a), "assigned_partitions") for a in addresses) == [0, 1],
            "one consumer has the partition",
        )


def test_a_port_in_use_is_one_line_of_advice(topics: Topics) -> None:
    with ConsumerProcess(topics, METRICS_OPTION) as first:
        port = address_of(first).rpartition(":")[2]
        with ConsumerProcess(topics, f"--metrics-port={port}") as second:
            assert second.wait() == 1
            [failed] = second.events(events.FAILED)
    assert f"port {port}: Address already in use; choose another --metrics-port" in failed["error"]


def test_a_partition_that_stands_while_others_run_is_named(
    topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    with standing(topics, monkeypatch) as consumer:
        address = consumer.address
        consumer.stop_fetching(0)
        sent = simulate_windows(topics, 400, source="synthetic", sensors=40)
        eventually(lambda: total(samples(address), "partition_stalled") == 1, "it is found")
        named = get(f"{address}/readyz")
        assert named.status == 503
        [problem] = named.json["problems"]
        assert f"partition 0 of '{topics.windows}' stands at offset 0" in problem
        found = samples(address)
        stalled = (("partition", "0"), ("topic", topics.windows))
        assert found["bearing_stream_partition_stalled", stalled] == 1
        assert found["bearing_stream_lag", stalled] == total(found, "lag") > 0
        assert total(found, "ready") == 0
        consumer.fetch_again(0)
        eventually(lambda: total(samples(address), "diagnoses_total") == sent, "it goes on")
        await_ready(address)
        assert total(samples(address), "ready") == 1
    name = events.PARTITION_STALLED.name
    [event] = [line for line in consumer.lines if line["event"] == name]
    assert (event["partition"], event["position"]) == (0, 0)
    assert event["reason"] == "a message waits at offset 0"
