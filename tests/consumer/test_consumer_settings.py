"""Settings that would break the guarantee are refused; the message names what to set instead."""

import logging

import pytest
from pydantic import ValidationError

from bearing_stream.kafka import ClusterErrors, FatalKafkaError
from consumer.kafka.clients import new_consumer, new_producer, transactional_ids
from consumer.liveness.budget import Budget
from consumer.settings import ConsumerSettings
from consumer.stage_settings import OWN_PROPERTIES


@pytest.mark.parametrize("name", OWN_PROPERTIES)
def test_a_property_that_the_guarantee_depends_on_is_refused(name: str) -> None:
    setting = OWN_PROPERTIES[name].removeprefix("set ")
    assert setting in ConsumerSettings.model_fields
    with pytest.raises(ValidationError, match=f"'{name}'.*{setting} instead"):
        ConsumerSettings(kafka={name: "1"})


def test_a_commit_interval_beyond_the_transaction_timeout_is_refused() -> None:
    with pytest.raises(ValidationError, match="at most half of transaction_timeout"):
        ConsumerSettings(commit_interval=6, transaction_timeout=10)
    assert ConsumerSettings(commit_interval=5, transaction_timeout=10).commit_interval == 5


@pytest.mark.parametrize(
    "name_and_value",
    [
        ("fetch.min.bytes", "1"),  # of consumers only
        ("max.poll.interval.ms", "600000"),
        ("linger.ms", "1"),  # of producers only
        ("compression.type", "none"),
    ],
)
@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_property_of_one_client_is_not_passed_to_the_other(
    name_and_value: tuple[str, str],
    guarantee: str,
    protocol: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings = ConsumerSettings.model_validate(
        {
            "bootstrap_servers": "127.0.0.1:9",
            "kafka": dict([name_and_value]),
            "guarantee": guarantee,
            "group_protocol": protocol,
        }
    )
    new_consumer(settings, ClusterErrors()).close()
    transactional_id = "t" if settings.is_transactional else None
    new_producer(settings, ClusterErrors(), transactional_id=transactional_id)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "kafka", [{"fetch.min.bytes": "many"}, {"no.such.property": "1"}, {"security.protocol": "x"}]
)
def test_a_wrong_property_is_one_clear_line(kafka: dict[str, str]) -> None:
    settings = ConsumerSettings(kafka=kafka)
    name = next(iter(kafka)).replace(".", r"\.")
    with pytest.raises(FatalKafkaError, match=rf"^a client property is invalid: .*{name}"):
        new_consumer(settings, ClusterErrors())
    with pytest.raises(FatalKafkaError, match=rf"^a client property is invalid: .*{name}"):
        new_producer(settings, ClusterErrors())


@pytest.mark.parametrize("timeout", [1.0, 10.0, 900.0])
@pytest.mark.parametrize("session", [1.0, 1800.0])
def test_the_group_waits_longer_than_a_round_may_take(timeout: float, session: float) -> None:
    settings = ConsumerSettings(
        transaction_timeout=timeout, session_timeout=session, commit_interval=0.2
    )
    budget = Budget.of(settings)
    assert budget.poll_interval >= max(session, 2 * timeout + 2 * settings.target_batch_duration)
    new_consumer(settings, ClusterErrors()).close()


def test_the_transactional_ids_are_stable_with_an_instance_id_and_random_without() -> None:
    named = ConsumerSettings(group="g", instance_id="press-7")
    assert transactional_ids(named) == transactional_ids(named)
    # The first one as of versions with one, whose open transaction an update then ends.
    assert transactional_ids(named)[0] == "g-press-7"
    # The prefix is granted.
    assert all(each.startswith("g-") for each in transactional_ids(ConsumerSettings(group="g")))
    random = [*transactional_ids(ConsumerSettings()), *transactional_ids(ConsumerSettings())]
    assert len({*random, *transactional_ids(named)}) == 6


def test_no_two_instances_share_a_transactional_id() -> None:
    first = ConsumerSettings(group="g", instance_id="press")
    with pytest.raises(
        ValidationError, match=r"'press\.second' ends with '\.second'.*another name"
    ):
        ConsumerSettings(group="g", instance_id=transactional_ids(first)[1].removeprefix("g-"))


def test_no_secret_is_in_an_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings = ConsumerSettings(kafka={"sasl.password": "hunter2", "security.protocol": "x"})
    with pytest.raises(FatalKafkaError) as raised:
        new_consumer(settings, ClusterErrors())
    assert "hunter2" not in str(raised.value) + caplog.text + repr(settings)


def test_statistics_that_nobody_could_read_are_refused() -> None:
    with pytest.raises(ValidationError, match="client_statistics needs a metrics_port"):
        ConsumerSettings(client_statistics=5)
    assert ConsumerSettings(client_statistics=5, metrics_port=0).client_statistics == 5
