"""The names of the three topics, as settings that all commands with a Kafka client share."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from bearing_stream.kafka import ConnectionSettings

TOPIC_NAME: Final = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}")
"""Valid topic names (`org.apache.kafka.common.internals.Topic`)."""


def _valid(name: str) -> str:
    if not TOPIC_NAME.fullmatch(name):
        raise ValueError(
            "not a valid topic name: it takes 1 to 249 letters (a-z, A-Z), digits, '.', "
            "'_' and '-', and not '.' or '..' alone"
        )
    return name


TopicName = Annotated[str, AfterValidator(_valid)]


class TopicSettings(ConnectionSettings):
    """The topics of windows, diagnoses and dead letters."""

    windows_topic: TopicName = "bearing.windows"
    """Topic of the windows to diagnose."""

    diagnoses_topic: TopicName = "bearing.diagnoses"
    """Topic of the diagnoses."""

    dead_letters_topic: TopicName = "bearing.dead-letters"
    """Topic of the messages that cannot be diagnosed, unchanged, with the reason."""
