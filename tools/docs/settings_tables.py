"""The settings reference, made from the settings classes."""

from typing import Final

from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.baseline.settings import BaselineSettings
from bearing_stream.commands.capacity.settings import CapacitySettings
from bearing_stream.commands.dead_letters.settings import RedriveSettings
from bearing_stream.commands.demo.settings import DemoSettings
from bearing_stream.commands.diagnose.settings import DiagnoseSettings
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.commands.serve.settings import ApiSettings
from bearing_stream.commands.transactions.settings import TransactionSettings
from bearing_stream.commands.verify.settings import VerifySettings
from bearing_stream.commands.watch.settings import WatchSettings
from bearing_stream.config import Settings, markdown_table
from bearing_stream.kafka import AlarmTopicSettings, TopicSettings
from bearing_stream.recordings.settings import ReadingSettings
from bearing_stream.wire import MeasurementLimits
from consumer.settings import ConsumerSettings
from consumer.stage_settings import StageSettings
from model.settings import AssessmentSettings
from producer_sim.settings import SimulatorSettings

TABLES: Final[dict[str, type[Settings]]] = {
    "consume": ConsumerSettings,
    "simulate": SimulatorSettings,
    "watch": WatchSettings,
    "page": PageSettings,
    "alarms": AlarmSettings,
    "verify": VerifySettings,
    "dead-letters": RedriveSettings,
    "transactions": TransactionSettings,
    "diagnose": DiagnoseSettings,
    "baseline": BaselineSettings,
    "serve": ApiSettings,
    "demo": DemoSettings,
    "capacity": CapacitySettings,
}
"""Command → its settings. `dead-letters list` and `show` take a part of those of `redrive`."""


def settings_table(command: str) -> str:
    """Return the Markdown table of a command's settings.

    Settings that several commands share are in the table of `consume` alone, those of the topics of
    alarms in that of `alarms`, and how to read files in that of `diagnose`.
    """
    shared = set()
    for base in (TopicSettings, AssessmentSettings, MeasurementLimits):
        if issubclass(TABLES[command], base) and command not in ("consume", "demo"):
            shared |= set(base.model_fields)
    if issubclass(TABLES[command], ReadingSettings) and command != "diagnose":
        shared |= set(ReadingSettings.model_fields)
    if command == "page":
        shared |= set(AlarmTopicSettings.model_fields)
    if command == "alarms":
        shared |= set(StageSettings.model_fields) - {"group"} | {"diagnoses_topic"}
    return markdown_table(TABLES[command], without=shared)
