"""What operators do from the command line, on a real Kafka with the stage running."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bearing_stream.cli import main
from bearing_stream.commands.alarms.topics import check
from bearing_stream.kafka import FatalKafkaError, create_topics
from tests.bearing_stream.commands.alarms.plant import Plant
from tests.bearing_stream.commands.page.processes import page
from tests.brokers import Broker
from tests.kafka_tools import Topics, eventually

pytestmark = pytest.mark.integration

ALARM = "s-0:bearing-fault"


@pytest.fixture(scope="module")
def plant(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    plant = Plant(broker.bootstrap_servers, tmp_path_factory.mktemp("plant"), sensors=3)
    plant.windows(60)
    with plant.stage() as stage:
        plant.await_events(1)
        yield plant
        stage.stop()


def alarms(plant: Plant, *arguments: str) -> Result:
    given = [each for each in plant.arguments() if "topic" in each or "servers" in each]
    return CliRunner().invoke(main, ["alarms", *arguments, *given])


def as_json(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_what_an_operator_does_with_an_alarm(plant: Plant) -> None:
    [shown] = as_json(alarms(plant, "list", "--json"))
    assert (shown["alarm_id"], shown["state"]) == (ALARM, "latched")

    [event] = as_json(alarms(plant, "ack", ALARM, "--json", "--by=ann", "--reason=seen"))
    assert (event["event"], event["acked"]) == ("acknowledged", True)
    assert (event["command"]["by"], event["command"]["reason"]) == ("ann", "seen")

    again = alarms(plant, "ack", ALARM, "--json")
    assert again.exit_code == 1
    assert "nothing to acknowledge" in again.stdout

    [event] = as_json(alarms(plant, "shelve", ALARM, "--json", "--once", "--by=ann"))
    assert event["shelved"]["once"]
    assert as_json(alarms(plant, "list", "--json")) == []
    assert len(as_json(alarms(plant, "list", "--json", "--all"))) == 1
    [event] = as_json(alarms(plant, "unshelve", ALARM, "--json"))
    assert event["shelved"] is None

    [event] = as_json(alarms(plant, "suppress", ALARM, "--json"))
    assert event["state"] == "filtered"
    as_json(alarms(plant, "unsuppress", ALARM, "--json"))

    names = [each["event"] for each in as_json(alarms(plant, "history", ALARM, "--json"))]
    assert names == [
        *("raised", "acknowledged", "refused", "shelved", "unshelved"),
        *("suppressed", "unsuppressed"),
    ]
    report = json.loads(alarms(plant, "verify", "--json", f"--rules={plant.rules}").stdout)
    assert report["events"] == len(names)
    assert [report[each]["count"] for each in ("missing", "unexpected", "different")] == [0] * 3
    (other := plant.folder / "other.toml").write_text('bearing-fault.on_delay = "2s"')
    assert alarms(plant, "verify", f"--rules={other}").exit_code == 1
    text = alarms(plant, "show", ALARM).stdout
    assert "bearing-fault" in text
    assert "raised" in alarms(plant, "history").stdout
    assert ALARM in alarms(plant, "list").stdout


def test_the_page_shows_alarms_and_lets_people_act_on_them(plant: Plant) -> None:
    token = "correct-horse-battery"
    topics = Topics(plant.servers, "windows", plant.settings.diagnoses_topic, "dead-letters", "")
    given = [each for each in plant.arguments() if each.startswith("--alarm")]

    def shown() -> dict[str, Any]:
        """The alarms of the page, once it has read all of them."""
        found = running.get("/api/fleet", token)
        alarms = {each["id"]: each for each in found["alarms"]}
        return alarms if found["status"]["alarms"]["state"] == "read" else {}

    with page(topics, f"--token={token}", *given) as running:
        eventually(lambda: ALARM in shown(), "the page has the alarm")
        wish = {"alarm_id": ALARM, "severity": shown()[ALARM]["severity"], "by": "ann"}
        shelve = {"action": "shelve", "seconds": 3600, "reason": "cable is being replaced"}
        assert running.act(token, **wish, **shelve)[0] == 200
        eventually(lambda: shown()[ALARM].get("shelved", {}).get("by") == "ann", "it is shelved")
        acknowledge = {"action": "acknowledge", "reason": "seen"}
        status, outcome = running.act(token, **wish, **acknowledge)
        assert (status, outcome["detail"]) == (409, "there is nothing to acknowledge")


@pytest.mark.parametrize("name", ["ack", "show"])
def test_an_alarm_that_does_not_exist_is_named(plant: Plant, name: str) -> None:
    result = alarms(plant, name, "s-0:sensor-quality")
    assert result.exit_code == 1
    assert "no alarm 's-0:sensor-quality'; of 's-0' there are s-0:bearing-fault" in result.stderr


def test_a_wrong_duration_is_refused(plant: Plant) -> None:
    result = alarms(plant, "shelve", ALARM, "--for", "soon")
    assert result.exit_code == 2
    assert "expected a duration such as" in result.stderr


def test_a_command_survives_a_stage_that_is_not_running(broker: Broker, tmp_path: Path) -> None:
    plant = Plant(broker.bootstrap_servers, tmp_path, sensors=3)
    plant.windows(60)
    with plant.stage() as stage:
        plant.await_events(1)
        stage.kill()
    result = alarms(plant, "ack", ALARM, "--wait=0")
    assert result.exit_code == 1
    assert "take effect when `bearing-stream alarms` runs" in result.stderr
    with plant.stage():
        eventually(
            lambda: as_json(alarms(plant, "list", "--json"))[0]["acked"], "the acknowledgement"
        )


def test_topics_that_would_lose_alarms_are_refused(broker: Broker, tmp_path: Path) -> None:
    plant = Plant(broker.bootstrap_servers, tmp_path, sensors=1)
    eventually(lambda: refusal(plant.settings) == "", "the topics")
    name = plant.settings.alarms_topic
    wrong = plant.settings.model_copy(update={"alarms_topic": f"{name}-wide"})
    with pytest.raises(FatalKafkaError, match="there is no topic"):
        check(wrong)
    create_topics({"bootstrap.servers": plant.servers}, {f"{name}-wide": 5}, 1)
    eventually(lambda: refusal(wrong) != "", "the topic")
    assert "has 5 partitions, and" in refusal(wrong)
    loose = plant.settings.model_copy(update={"alarms_topic": f"{name}-loose"})
    create_topics({"bootstrap.servers": plant.servers}, {f"{name}-loose": 2}, 1)
    eventually(lambda: "cleanup.policy=delete" in refusal(loose), "the topic")


def refusal(settings: Any) -> str:
    try:
        check(settings)
    except FatalKafkaError as error:
        return str(error)
    return ""
