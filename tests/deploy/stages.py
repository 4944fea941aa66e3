"""`alarms` and `alarms notify` as processes, behind what `consume` writes."""

from pathlib import Path
from typing import Final

from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.topics import create
from bearing_stream.local_kafka.ports import free_ports
from tests.kafka_tools import Topics
from tools.chaos.member import Member

METRICS: Final = "--metrics-port=0"

RECEIVERS: Final = """
[[receiver]]
name = "pager"
kind = "webhook"
url = "http://127.0.0.1:{port}"
longest_pause = "1s"
"""

ALARM_RULES: Final = """
unknown-machine.on_delay = "1s"
sensor-silent.enabled = false
"""


class Stages:
    """The files and topics of the stages, each of which is started when it is asked for.

    Attributes:
        table: The sensor table for `consume`.
        receiver: The port at which the notifier expects its receiver.
        settings: Of `alarms`.
    """

    def __init__(self, topics: Topics, folder: Path) -> None:
        self._folder = folder
        self.table = folder / "sensors.toml"
        self.know_machines("bearing-*")
        [self.receiver] = free_ports(1)
        (folder / "receivers.toml").write_text(RECEIVERS.format(port=self.receiver))
        (folder / "rules.toml").write_text(ALARM_RULES)
        run = topics.group
        self.settings = AlarmSettings.model_validate(
            {
                "bootstrap_servers": topics.servers,
                "diagnoses_topic": topics.diagnoses,
                "alarms_topic": f"alarms-{run}",
                "alarm_events_topic": f"events-{run}",
                "alarm_commands_topic": f"commands-{run}",
                "alarm_state_topic": f"state-{run}",
                "group": f"alarms-{run}",
            }
        )
        create(self.settings)

    def know_machines(self, pattern: str) -> None:
        """Let the sensor table have one row; `consume` reads it again when it changes."""
        self.table.write_text(f'[[sensor]]\npattern = "{pattern}"\nnetwork = true\n')

    def alarms(self) -> Member:
        options = [
            *(f"--{name.replace('_', '-')}={value}" for name, value in self._given().items()),
            f"--rules={self._folder / 'rules.toml'}",
            # By default ten seconds, whatever the factor.
            "--checkpoint-interval=0.5",
            "--transaction-timeout=2",
            METRICS,
        ]
        return self._started("alarms", options)

    def notifier(self) -> Member:
        given = self._given()
        options = [
            "notify",
            f"--bootstrap-servers={given['bootstrap_servers']}",
            f"--alarm-events-topic={given['alarm_events_topic']}",
            f"--alarms-topic={given['alarms_topic']}",
            f"--group=notify-{given['group']}",
            f"--receivers={self._folder / 'receivers.toml'}",
            METRICS,
        ]
        return self._started("notify", options)

    def _given(self) -> dict[str, str]:
        return self.settings.model_dump(include=self.settings.model_fields_set)

    def _started(self, name: str, options: list[str]) -> Member:
        log = self._folder / f"{name}.log"
        return Member("bearing_stream", options, log, {"NO_PROXY": "*"}, command="alarms")
