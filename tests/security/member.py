"""A plain member of a group: reads its properties from stdin, prints `assigned`, and polls on."""

import json
import sys

from confluent_kafka import Consumer


def _report() -> None:
    sys.stdout.write("assigned\n")
    sys.stdout.flush()


def main() -> None:
    """Join and poll until the process is killed."""
    consumer = Consumer(json.loads(sys.stdin.readline()))
    consumer.subscribe([sys.argv[1]], on_assign=lambda *_: _report())
    while True:
        consumer.poll(0.1)


main()
