"""`bearing-stream baseline --from-topic`: from windows in Kafka to a baseline."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer
from scipy.signal import resample_poly

from bearing_stream.commands.baseline.command import command
from bearing_stream.wire import Measurement, Message, encode_measurement
from model.physics import baseline_file
from tests.brokers import Broker
from tests.kafka_tools import Topics, delete_topics, new_topics, produce
from tests.model.physics.signals import OUTER, RPM, healthy, struck

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
SENSOR = "hall 2/pump-7"


def windows(
    sensor: str, minute: int, damaged: bool = False, rpm: float | None = RPM, count: int = 40
) -> Iterator[Message]:
    """Yield windows of a sensor, one a second from this minute on."""
    samples = struck(count, OUTER) if damaged else healthy(count, seed=minute)
    for number, row in enumerate(samples):
        moment = START + timedelta(minutes=minute, seconds=number)
        name = f"{sensor}/{minute}/{number}"
        message = encode_measurement(
            Measurement("/test", name, sensor, moment, row, shaft_speed=rpm)
        )
        yield message._replace(timestamp=round(moment.timestamp() * 1000))


@pytest.fixture(scope="module")
def topics(broker: Broker) -> Iterator[Topics]:
    """A healthy hour of one sensor, in which its bearing is damaged from minute 60 on; others."""
    topics = new_topics(broker.bootstrap_servers, partitions=2)
    messages = [
        *windows(SENSOR, 0),
        *windows("fan-1", 0, damaged=True),
        *windows(SENSOR, 30),
        *windows("slow", 0, rpm=None),
        Message(b"x", None, []),
        *windows(SENSOR, 60, damaged=True),
    ]
    produce(topics.servers, topics.windows, messages)
    yield topics
    delete_topics(topics)


def run(topics: Topics, out: Path, *arguments: object) -> Result:
    given = ["--bootstrap-servers", topics.servers, "--windows-topic", topics.windows]
    bearing = [] if "--orders" in arguments else ["--bearing", "6205"]
    fixed = [*given, "--from-topic", *bearing, "--out", str(out)]
    return CliRunner().invoke(command, [*fixed, *map(str, arguments)])


def at(minute: int) -> str:
    return (START + timedelta(minutes=minute)).isoformat()


@pytest.mark.integration
def test_a_healthy_hour_of_a_sensor_is_its_baseline(topics: Topics, tmp_path: Path) -> None:
    out = tmp_path / "pump-7.json"
    hour = ["--since", at(-1), "--until", at(59)]
    result = run(topics, out, "--sensor", SENSOR, *hour)
    assert result.exit_code == 0, result.output
    assert "fitted to 80 healthy windows" in result.stdout
    assert f'pattern = "{SENSOR}"' in result.stdout
    assert f"windows of {SENSOR} from {at(0)}, " in result.stdout
    assert "differs from" not in result.stderr
    fitted = baseline_file.load(out)
    assert (fitted.windows, fitted.speeds.tolist()) == (80, [RPM])
    # Windows of a stream do not overlap.
    assert fitted.points[0].seconds == pytest.approx(80 * 2048 / 12000, rel=0.01)


@pytest.mark.integration
def test_measurements_of_any_length_and_rate_are_read(broker: Broker, tmp_path: Path) -> None:
    topics = new_topics(broker.bootstrap_servers, partitions=1)
    at_12_khz = healthy(20, seed=1).ravel()
    at_48_khz = resample_poly(at_12_khz, 4, 1)
    produce(
        topics.servers,
        topics.windows,
        [
            encode_measurement(Measurement("/test", str(rate), SENSOR, START, samples, rate, RPM))
            for rate, samples in ((12000.0, at_12_khz), (48000.0, at_48_khz))
        ],
    )
    out = tmp_path / "b.json"
    result = run(topics, out, "--sensor", SENSOR)
    delete_topics(topics)
    assert result.exit_code == 0, result.output
    assert baseline_file.load(out).points[0].seconds == pytest.approx(40 * 2048 / 12000, rel=0.05)


@pytest.mark.integration
def test_what_the_consumer_rejects_by_its_limits_is_not_read(
    broker: Broker, tmp_path: Path
) -> None:
    topics = new_topics(broker.bootstrap_servers, partitions=1)
    samples = resample_poly(healthy(40, seed=1).ravel(), 2, 3)
    slow = Measurement("/test", "1", SENSOR, START, samples, 8000.0, RPM)
    produce(topics.servers, topics.windows, [encode_measurement(slow)])
    result = run(topics, tmp_path / "b.json", "--sensor", SENSOR)
    limit = ["--min-sampling-rate", 6000]
    accepted = run(topics, tmp_path / "b.json", "--sensor", SENSOR, *limit)
    delete_topics(topics)
    assert accepted.exit_code == 0, accepted.output
    assert "healthy windows" in accepted.stdout
    assert result.exit_code == 1
    assert f"rejects all 1 windows of '{SENSOR}'" in result.stderr
    assert "8000 Hz" in result.stderr


@pytest.mark.integration
def test_frequencies_may_belong_to_the_speed_that_the_windows_state(
    topics: Topics, tmp_path: Path
) -> None:
    out = tmp_path / "b.json"
    hertz = [f"{order * RPM / 60:.2f}Hz" for order in (3.5848, 5.4152, 2.357)]
    result = run(topics, out, "--sensor", SENSOR, "--until", at(59), "--orders", *hertz)
    assert result.exit_code == 0, result.output
    assert baseline_file.load(out).orders.outer == pytest.approx(3.5848, rel=1e-3)


@pytest.mark.integration
def test_what_differs_in_that_time_is_named(topics: Topics, tmp_path: Path) -> None:
    result = run(topics, tmp_path / "b.json", "--sensor", SENSOR)
    assert result.exit_code == 0, result.output
    named = [line for line in result.stderr.splitlines() if "differs from" in line]
    assert len(named) == 1
    assert f"{SENSOR} from {at(60)} differs" in named[0]


@pytest.mark.integration
def test_windows_without_a_speed_need_one(topics: Topics, tmp_path: Path) -> None:
    result = run(topics, tmp_path / "b.json", "--sensor", "slow")
    assert (result.exit_code, "add --rpm" in result.stderr) == (1, True)
    result = run(topics, tmp_path / "b.json", "--sensor", "slow", "--rpm", 1760)
    assert result.exit_code == 0, result.output
    assert "at 1760 rpm" in result.stdout


@pytest.mark.integration
def test_a_machine_that_starts_and_stops_has_a_baseline_of_its_steady_run(
    broker: Broker, tmp_path: Path
) -> None:
    topics = new_topics(broker.bootstrap_servers, partitions=1)
    begins = [*windows(SENSOR, 0, rpm=60, count=2), *windows(SENSOR, 1, rpm=700, count=3)]
    ends = [*windows(SENSOR, 20, rpm=900, count=1), *windows(SENSOR, 21, rpm=90, count=1)]
    produce(topics.servers, topics.windows, [*begins, *windows(SENSOR, 2), *ends])
    result = run(topics, tmp_path / "b.json", "--sensor", SENSOR)
    started = run(topics, tmp_path / "no.json", "--sensor", SENSOR, "--until", at(2))
    unreadable = run(topics, tmp_path / "no.json", "--sensor", SENSOR, "--until", at(1))
    delete_topics(topics)
    assert result.exit_code == 0, result.output
    assert "fitted to 40 healthy windows" in result.stdout
    assert baseline_file.load(tmp_path / "b.json").speeds.tolist() == [RPM]
    left_out = [line for line in result.stderr.splitlines() if line.startswith("Left out: ")]
    assert [line.split(";")[0] for line in left_out] == [
        "Left out: 3 windows at 60 to 90 rpm",
        "Left out: 4 windows at 700 to 900 rpm",
    ]
    assert (started.exit_code, unreadable.exit_code) == (1, 1)
    assert "Left out: 2 windows at 60 rpm; the lines of this bearing can be read" in started.stderr
    assert "needs 8 healthy windows at each speed, got 3" in started.stderr
    assert "can be read from 294 to" in unreadable.stderr
    assert not (tmp_path / "no.json").exists()


@pytest.mark.integration
def test_what_is_missing_is_named(topics: Topics, tmp_path: Path) -> None:
    result = run(topics, tmp_path / "b.json", "--sensor", "pump-8")
    assert result.exit_code == 1
    assert f"holds no windows of 'pump-8' in that time, but of '{SENSOR}'" in result.stderr
    result = run(topics, tmp_path / "b.json", "--sensor", SENSOR, "--since", at(600))
    assert "holds no windows between" in result.stderr
    result = run(topics, tmp_path / "b.json", "--sensor", SENSOR, "--until", at(0))
    assert "holds no windows between" in result.stderr


@pytest.mark.integration
def test_windows_of_an_open_transaction_are_no_part_of_it(broker: Broker, tmp_path: Path) -> None:
    topics = new_topics(broker.bootstrap_servers, partitions=1)
    produce(topics.servers, topics.windows, windows(SENSOR, 0))
    connection = {"bootstrap.servers": topics.servers, "log_level": 0}
    producer = Producer(connection | {"transactional.id": topics.group})
    producer.init_transactions(30)
    producer.begin_transaction()
    for message in windows(SENSOR, 1, damaged=True):
        producer.produce(topics.windows, message.value, message.key, headers=list(message.headers))
    assert producer.flush(30) == 0
    started = time.monotonic()
    result = run(topics, tmp_path / "b.json", "--sensor", SENSOR)
    producer.abort_transaction(30)
    delete_topics(topics)
    assert "fitted to 40 healthy windows" in result.stdout, result.output
    assert time.monotonic() - started < 60


@pytest.mark.parametrize(
    "arguments",
    [
        *(["a.wav", "--sensor", "p"], [], ["--sensor", "p", "--rpm", 1, "--rpm", 2]),
        *(["--sensor", "p", "--rate", 12_000], ["--sensor", "p", "--channel", "x"]),
        ["--sensor", "p", "--recordings", "97"],
    ],
)
def test_it_takes_a_sensor_and_no_files(arguments: list[object], tmp_path: Path) -> None:
    topics = Topics("127.0.0.1:1", "w", "d", "l", "g")
    assert run(topics, tmp_path / "b.json", *arguments).exit_code == 2
