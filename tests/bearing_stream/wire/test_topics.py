import pytest
from pydantic import ValidationError

from bearing_stream.kafka import TopicSettings


@pytest.mark.parametrize("name", ["a", "...", "Plant-7.press_2", "x" * 249])
def test_a_name_that_kafka_allows_is_accepted(name: str) -> None:
    assert TopicSettings(windows_topic=name).windows_topic == name


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "größe", "a\n", "x" * 250])
def test_a_name_that_kafka_refuses_is_refused_before_connecting(name: str) -> None:
    with pytest.raises(ValidationError, match="not a valid topic name"):
        TopicSettings(diagnoses_topic=name)
