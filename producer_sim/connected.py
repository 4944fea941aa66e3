"""Whether a producer can send at once, from the statistics of its client."""

import json
from typing import Any, Final

STATISTICS_PROPERTIES: Final[dict[str, Any]] = {
    "statistics.interval.ms": 100,
    # Connect to every broker, not only to the first that responds; a broker that leads a partition
    # is otherwise connected to when the first message for it is there.
    "enable.sparse.connections": False,
}
"""Properties of the client that `is_connected` depends on."""

ANY_PARTITION: Final = "-1"
"""The client's queue of messages that have no partition yet, listed among the partitions."""


def is_connected(statistics: str, topic: str) -> bool:
    """Return whether the next message for any partition of a topic is sent without delay.

    An idempotent producer needs an id before it sends anything. librdkafka requests it when the
    client is created, finds no connection yet, and tries again after 500 ms.

    Args:
        statistics: JSON that librdkafka passes to `stats_cb`, as its STATISTICS.md describes it.
        topic: A topic whose metadata the client has requested.
    """
    found = json.loads(statistics)
    if "eos" in found and found["eos"]["idemp_state"] != "Assigned":
        return False
    partitions = found["topics"].get(topic, {}).get("partitions", {})
    leaders = {each["leader"] for name, each in partitions.items() if name != ANY_PARTITION}
    up = {each["nodeid"] for each in found["brokers"].values() if each["state"] == "UP"}
    return bool(leaders) and leaders <= up
