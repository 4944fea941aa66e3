"""The names of the three topics, as settings that all commands share."""

from pydantic import Field

from kafka_client import ConnectionSettings


class TopicSettings(ConnectionSettings):
    """Where windows, diagnoses and dead letters are."""

    windows_topic: str = Field(default="bearing.windows", min_length=1)
    """Topic of the windows to diagnose."""

    diagnoses_topic: str = Field(default="bearing.diagnoses", min_length=1)
    """Topic of the diagnoses."""

    dead_letters_topic: str = Field(default="bearing.dead-letters", min_length=1)
    """Topic of the messages that cannot be diagnosed, as they came, with the reason."""
