"""A group whose members assign the windows topic to nobody: the consumer names it, and ends.

Clients of the classic protocol assign by themselves: the first member that joins does it for all,
by what it may see of the topics. A topic that is missing while they join has the same effect.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bearing_stream.kafka import create_topics
from consumer.events import FAILED, NOTHING_ASSIGNED
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import Topics
from tests.security.cluster import Cluster, as_environment, login
from tests.security.documented import binding
from tools.deploy.acls import Grant

pytestmark = pytest.mark.integration

TOPICS = Topics("", "led-windows", "led-diagnoses", "led-dead-letters", "led")


@contextmanager
def leader(properties: dict[str, Any]) -> Iterator[None]:
    """A member that was there before, of a user who may not see the windows: a process."""
    own = {"group.id": TOPICS.group, "partition.assignment.strategy": "cooperative-sticky"}
    command = (sys.executable, "-m", "tests.security.member", TOPICS.diagnoses)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as member:
        assert member.stdin is not None
        assert member.stdout is not None
        try:
            member.stdin.write(json.dumps(properties | own) + "\n")
            member.stdin.flush()
            assert member.stdout.readline() == "assigned\n"
            yield
        finally:
            member.kill()


def test_a_group_that_assigns_nothing_ends_the_consumer(cluster: Cluster) -> None:
    properties = cluster.kafka.client_properties
    topics = (TOPICS.windows, TOPICS.diagnoses, TOPICS.dead_letters)
    create_topics(properties, dict.fromkeys(topics, 1))
    grants = [
        Grant("Read", "--group", TOPICS.group, "literal"),
        Grant("Read", "--topic", TOPICS.diagnoses, "literal"),
    ]
    user = cluster.new_user([binding(grant, "anybody") for grant in grants])
    names = {"windows_topic", "diagnoses_topic", "dead_letters_topic"}
    options = [f"--{name.replace('_', '-')}={TOPICS.settings[name]}" for name in sorted(names)]
    options += [f"--group={TOPICS.group}", "--device=cpu"]
    environment = as_environment(properties)
    with (
        leader(properties | login(user)),
        ConsumerProcess(
            TOPICS,
            *options,
            environment=environment,
            defaults=False,
            program="tests.security.impatient",
        ) as consumer,
    ):
        assert consumer.wait() == 1
    for line in consumer.events(NOTHING_ASSIGNED):
        assert (line["group"], line["topic"], line["partitions"]) == ("led", TOPICS.windows, 1)
    assert len(consumer.events(NOTHING_ASSIGNED)) == 2
    [failed] = consumer.events(FAILED)
    assert "may read the topic" in failed["error"]
