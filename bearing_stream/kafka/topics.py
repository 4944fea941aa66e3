"""Names in Kafka: the topics, as settings that commands share, and groups."""

import re
from typing import Annotated, Final, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

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


def transactional_name(name: str) -> str:
    """Check the name of a group, or of an instance in it, whose offsets a transaction commits.

    librdkafka refuses other characters, with `_BAD_MSG` at the first `send_offsets_to_transaction`;
    it commits offsets of such a group outside a transaction.

    Raises:
        ValueError: The name has a character that is not printable ASCII.
    """
    if not (name.isascii() and name.isprintable()):
        raise ValueError(
            "use the letters a-z and A-Z, digits and punctuation: in a transaction, Kafka's client "
            "commits offsets only of names that are printable ASCII"
        )
    return name


TransactionalName = Annotated[str, AfterValidator(transactional_name)]


class TopicSettings(ConnectionSettings):
    """The topics of windows, diagnoses and dead letters."""

    windows_topic: TopicName = "bearing.windows"
    """Topic of the windows to diagnose."""

    diagnoses_topic: TopicName = "bearing.diagnoses"
    """Topic of the diagnoses."""

    dead_letters_topic: TopicName = "bearing.dead-letters"
    """Topic of the messages that cannot be diagnosed, unchanged, with the reason."""

    @model_validator(mode="after")
    def _has_three_topics(self) -> Self:
        # A consumer that writes into the topic that it reads diagnoses or rejects its own output,
        # and the output of that, without end.
        names = (self.windows_topic, self.diagnoses_topic, self.dead_letters_topic)
        if len(set(names)) < len(names):
            raise ValueError(
                "windows_topic, diagnoses_topic and dead_letters_topic must be three different "
                f"topics; they are {', '.join(map(repr, names))}"
            )
        return self


class AlarmTopics(NamedTuple):
    """The names of the topics of alarms."""

    alarms: str
    events: str
    commands: str
    state: str


class AlarmTopicSettings(ConnectionSettings):
    """The topics from which alarms are made, and those of alarms."""

    diagnoses_topic: TopicName = "bearing.diagnoses"
    """Topic of the diagnoses."""

    alarms_topic: TopicName = "bearing.alarms"
    """Compacted topic of the alarms as they are now; the key is the alarm's id."""

    alarm_events_topic: TopicName = "bearing.alarm-events"
    """Topic of the history of alarms: a message for each transition."""

    alarm_commands_topic: TopicName = "bearing.alarm-commands"
    """Topic of what operators ask of alarms."""

    alarm_state_topic: TopicName = "bearing.alarm-state"
    """Compacted topic of the state of each sensor, for `alarms` alone."""

    replay: str | None = Field(default=None, pattern="^[a-zA-Z0-9_-]{1,40}$")
    """Name of a replay: its alarms go to topics, and its offsets to a group, with this name after a
    dot, and never to the live ones."""

    @property
    def alarm_topics(self) -> AlarmTopics:
        """The names of the topics of alarms, those of the replay if there is one."""
        names = AlarmTopics(
            self.alarms_topic,
            self.alarm_events_topic,
            self.alarm_commands_topic,
            self.alarm_state_topic,
        )
        return names if self.replay is None else AlarmTopics(*(f"{n}.{self.replay}" for n in names))

    @model_validator(mode="after")
    def _has_five_topics(self) -> Self:
        names = (self.diagnoses_topic, *self.alarm_topics)
        if len(set(names)) < len(names):
            raise ValueError(
                "the topics of diagnoses, alarms, events, commands and state must be five "
                f"different topics; they are {', '.join(map(repr, names))}"
            )
        return self
