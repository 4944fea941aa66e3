"""The names of the three topics, as settings that all commands share."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from bearing_stream.kafka import ConnectionSettings

TOPIC_NAME: Final = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}")
"""Topics that Kafka allows (`org.apache.kafka.common.internals.Topic`)."""


def _possible(name: str) -> str:
    if not TOPIC_NAME.fullmatch(name):
        raise ValueError(
            "no Kafka topic can have such a name: give 1 to 249 letters (a-z, A-Z), digits, '.', "
            "'_' and '-', and not '.' or '..' alone"
        )
    return name


TopicName = Annotated[str, AfterValidator(_possible)]


class TopicSettings(ConnectionSettings):
    """Where windows, diagnoses and dead letters are."""

    windows_topic: TopicName = "bearing.windows"
    """Topic of the windows to diagnose."""

    diagnoses_topic: TopicName = "bearing.diagnoses"
    """Topic of the diagnoses."""

    dead_letters_topic: TopicName = "bearing.dead-letters"
    """Topic of the messages that cannot be diagnosed, as they came, with the reason."""
