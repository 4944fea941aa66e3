import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Message as Polled

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import SAMPLING_RATE
from bearing_stream.wire import Message, Rejection, WindowAttributes, decode_window
from producer_sim import SensorStream, Sent, SimulatorSettings, simulate
from producer_sim.malformed import KINDS
from producer_sim.sender import PRODUCER_PROPERTIES, SendCounts, Sender
from producer_sim.simulate import Simulation
from producer_sim.streams import Form, from_recording
from tests.mock_kafka import MockKafka

PERIOD = 2048 / 12_000

MakeRecording = Callable[..., Recording]
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOWHERE = "127.0.0.1:1"


class TimedSender(Sender):
    """Sends nothing; waiting advances its clock, and sending takes the given delays."""

    def __init__(self, delays: dict[int, float]) -> None:
        self.now = 500.0
        self.sent: list[float] = []
        self._delays = delays
        super().__init__({"bootstrap.servers": NOWHERE, "log_level": 0}, "t")

    def send(self, message: Message, counts: SendCounts, stop: threading.Event) -> None:  # noqa: ARG002
        self.sent.append(self.now - 500.0)
        self.now += self._delays.get(len(self.sent), 0.0)
        counts.accepted += 1

    def poll(self, seconds: float) -> None:
        self.now += int(seconds * 1000) / 1000

    def flush(self, stop: threading.Event) -> int:  # noqa: ARG002
        return 0


def run_timed(
    recordings: list[Recording], speed: float, delays: dict[int, float]
) -> tuple[TimedSender, Sent]:
    sender = TimedSender(delays)
    settings = SimulatorSettings(speed=speed)
    streams = [from_recording(recording, Form()) for recording in recordings]
    simulation = Simulation(settings, streams, sender, lambda: sender.now)
    return sender, simulation.run(threading.Event(), lambda _: None)


@pytest.mark.parametrize("speed", [1.0, 5.0])
def test_windows_go_out_when_they_are_due(make_recording: MakeRecording, speed: float) -> None:
    recordings = [make_recording(f"{number}/DE", windows=20) for number in range(4)]
    sender, sent = run_timed(recordings, speed, {})
    due = [number * PERIOD / 4 / speed for number in range(80)]
    # One tick of the client's clock, a millisecond, early at the most.
    np.testing.assert_allclose(sender.sent, np.subtract(due, 0.0005), atol=0.0005)
    assert sent.lateness == 0


def test_a_delay_is_caught_up_without_drift(make_recording: MakeRecording) -> None:
    sender, sent = run_timed([make_recording(windows=30)], 1.0, {5: 1.0})
    assert sender.sent[6] - sender.sent[5] == 0
    assert sender.sent[5] == pytest.approx(4 * PERIOD + 1, abs=0.001)
    assert sender.sent[29] == pytest.approx(29 * PERIOD, abs=0.001)
    assert sent.lateness == 0


def test_a_sender_that_cannot_keep_up_is_reported_late(make_recording: MakeRecording) -> None:
    slow = dict.fromkeys(range(30), 2 * PERIOD)
    _, sent = run_timed([make_recording(windows=20)], 1.0, slow)
    assert sent.lateness == pytest.approx(19 * PERIOD, abs=0.01)


def simulate_into(
    kafka: MockKafka, streams: list[SensorStream], **settings: Any
) -> tuple[Sent, list[Polled]]:
    given: dict[str, Any] = {"speed": "max", "start_time": START, **settings}
    sent = simulate(SimulatorSettings(bootstrap_servers=kafka.bootstrap_servers, **given), streams)
    return sent, kafka.messages(sent.windows + sum(sent.malformed.values()))


def attributes(message: Polled) -> WindowAttributes:
    headers: Any = message.headers()
    return decode_window(headers, message.value(), np.empty(2048, np.float32))


def test_every_window_arrives_once_in_order_with_its_metadata(
    mock_kafka: MockKafka, make_recording: MakeRecording
) -> None:
    recordings = {f"{n}/DE": make_recording(f"{n}/DE", windows=5 + n) for n in (1, 2, 3)}
    streams = [from_recording(recording, Form()) for recording in recordings.values()]
    sent, messages = simulate_into(mock_kafka, streams)
    assert (sent.windows, sent.sensors, sent.failed, sent.pending) == (21, 3, 0, 0)
    assert sent.complete
    assert len(messages) == 21
    for index, (sensor, recording) in enumerate(recordings.items()):
        own = [message for message in messages if message.key() == sensor.encode()]
        received = [attributes(message) for message in own]
        count = len(recording.windows())
        assert [window.id for window in received] == [f"{sensor}/{n:06d}" for n in range(count)]
        offset = index * PERIOD / 3
        for number, window in enumerate(received):
            expected = START + timedelta(seconds=offset + number * PERIOD)
            assert abs(window.time - expected) <= timedelta(microseconds=1)
        assert {(w.source, w.sensor, w.sampling_rate) for w in received} == {
            (f"/cwru/{sensor}", sensor, SAMPLING_RATE)
        }
        assert {(w.shaft_speed, w.fault_label) for w in received} == {(1797.0, "InnerRace")}
        values = [np.frombuffer(message.value() or b"", "<f4") for message in own]
        np.testing.assert_allclose(values, recording.windows(), rtol=1e-6)


@pytest.mark.parametrize("sample_format", ["float32", "int16"])
@pytest.mark.parametrize("value_form", ["binary", "json"])
def test_every_form_is_the_same_signal(
    mock_kafka: MockKafka, make_recording: MakeRecording, sample_format: str, value_form: str
) -> None:
    settings = SimulatorSettings.model_validate(
        {"sample_format": sample_format, "value_form": value_form}
    )
    recording = make_recording()
    stream = from_recording(recording, Form(settings.wire_format))
    _, messages = simulate_into(
        mock_kafka, [stream], sample_format=sample_format, value_form=value_form
    )
    for message, expected in zip(messages, recording.windows(), strict=True):
        samples = np.empty(2048, np.float32)
        headers: Any = message.headers()
        decode_window(headers, message.value(), samples)
        assert np.corrcoef(samples, expected)[0, 1] > 0.999999


def test_a_replay_has_the_same_ids_a_loop_and_a_named_run_have_fresh_ones(
    mock_kafka: MockKafka, make_recording: MakeRecording
) -> None:
    def ids(loop: bool = False, **settings: Any) -> list[str]:
        stream = from_recording(make_recording(windows=4), Form(), loop=loop)
        sent, messages = simulate_into(mock_kafka, [stream], **settings)
        return [attributes(message).id for message in messages[-sent.windows :]]

    once = ids()
    assert ids() == once
    loop = ids(loop=True, limit=9)
    assert len(set(loop)) == 9
    assert loop[:4] == once
    assert not set(ids(run="night")) & set(once)


def test_the_limit_counts_windows_of_all_sensors(
    mock_kafka: MockKafka, make_recording: MakeRecording
) -> None:
    streams = [from_recording(make_recording(f"{n}/DE"), Form()) for n in range(3)]
    sent, messages = simulate_into(mock_kafka, streams, limit=5)
    assert sent.windows == len(messages) == 5


def test_malformed_messages_are_sent_in_addition_to_the_windows_with_keys_of_their_own(
    mock_kafka: MockKafka, make_recording: MakeRecording
) -> None:
    stream = from_recording(make_recording(windows=60), Form("int16-le"))
    sent, messages = simulate_into(mock_kafka, [stream], malformed=1.0, sample_format="int16")
    assert sent.windows == 60
    assert sum(sent.malformed.values()) == 60
    assert sent.malformed.keys() == KINDS.keys()
    bad = [message for message in messages if (message.key() or b"").startswith(b"malformed/")]
    assert len({message.key() for message in bad}) == 60
    for message in bad:
        kind = (message.key() or b"").decode().split("/")[1]
        with pytest.raises(Rejection) as rejection:
            attributes(message)
        assert rejection.value.reason is KINDS[kind].reason
    good = [attributes(message).id for message in messages if message not in bad]
    assert good == [f"105/DE/{number:06d}" for number in range(60)]


def test_after_a_stop_accepted_messages_are_delivered(
    mock_kafka: MockKafka, make_recording: MakeRecording
) -> None:
    stop = threading.Event()
    settings = SimulatorSettings(bootstrap_servers=mock_kafka.bootstrap_servers, speed=20)
    stream = from_recording(make_recording(), Form(), loop=True)
    seen: list[Sent] = []

    def stop_soon(sent: Sent) -> None:
        seen.append(sent)
        if sent.windows >= 20:
            stop.set()

    sent = simulate(settings, [stream], stop, stop_soon)
    assert sent.complete
    assert 20 <= sent.windows == len(mock_kafka.messages(sent.windows))
    assert [progress.windows for progress in seen] == sorted(p.windows for p in seen)


def test_a_measurement_is_as_large_as_the_topic_allows(
    mock_kafka: MockKafka, make_recording: MakeRecording
) -> None:
    # 3 MB, more than librdkafka sends by default.
    stream = from_recording(make_recording(windows=370), Form(seconds=62.5))
    sent, messages = simulate_into(mock_kafka, [stream])
    assert (sent.windows, sent.failures) == (1, {})
    assert len(messages[0].value() or b"") == 3_000_000


def unreachable(**properties: object) -> Sender:
    return Sender({**PRODUCER_PROPERTIES, "bootstrap.servers": NOWHERE, **properties}, "t")


def run_unreachable(make_recording: MakeRecording, stop: threading.Event, sender: Sender) -> Sent:
    streams = [from_recording(make_recording(windows=8), Form())]
    return Simulation(SimulatorSettings(speed="max"), streams, sender).run(stop, lambda _: None)


def test_what_is_not_delivered_is_counted_with_its_reason(make_recording: MakeRecording) -> None:
    # The queue has space for three; the other five wait until those have failed.
    sender = unreachable(**{"message.timeout.ms": 50, "queue.buffering.max.messages": 3})
    sent = run_unreachable(make_recording, threading.Event(), sender)
    assert (sent.windows, sent.failed, sent.pending, sent.complete) == (0, 8, 0, False)
    assert sum(sent.failures.values()) == 8
    assert any("_MSG_TIMED_OUT" in reason for reason in sent.failures)


def test_a_notice_of_the_client_is_no_pending_message() -> None:
    # Its queue then holds only that no broker is reachable.
    sender = unreachable(**{"reconnect.backoff.max.ms": 100})
    deadline = time.monotonic() + 20
    while len(sender) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert sender.flush(threading.Event()) == 0


def test_after_a_stop_nothing_waits_for_an_unreachable_kafka(
    make_recording: MakeRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("producer_sim.sender.STOP_TIMEOUT", 0.2)
    stop = threading.Event()
    sender = unreachable(**{"queue.buffering.max.messages": 3})
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    sent = run_unreachable(make_recording, stop, sender)
    timer.join()
    assert (sent.windows, sent.failed, sent.pending) == (0, 3, 0)


def test_a_window_too_large_for_the_client_is_counted(
    mock_kafka: MockKafka, make_recording: MakeRecording
) -> None:
    stream = from_recording(make_recording(), Form())
    settings = SimulatorSettings(
        bootstrap_servers=mock_kafka.bootstrap_servers,
        speed="max",
        kafka={"message.max.bytes": "1000"},
    )
    sent = simulate(settings, [stream])
    assert sent.failed > 0
    assert not sent.complete


@pytest.mark.usefixtures("short_check")
def test_an_unreachable_cluster_is_one_clear_error(make_recording: MakeRecording) -> None:
    settings = SimulatorSettings(bootstrap_servers=NOWHERE, startup_timeout=0)
    with pytest.raises(FatalKafkaError, match=f"no Kafka broker responds at {NOWHERE}"):
        simulate(settings, [from_recording(make_recording(), Form())])
