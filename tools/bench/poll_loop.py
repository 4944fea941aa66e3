"""The reference for the consumer: the same network in a plain poll loop.

It processes one message at a time, as tutorials do: poll, decode, one forward pass, produce,
auto-commit. It validates nothing, and can lose or duplicate diagnoses when it is killed.
"""

import json
import signal
from importlib import resources
from types import FrameType

import click
import numpy as np
import torch
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka import Message as Polled

from bearing_stream.vocabulary import FAULT_LABELS
from model.checkpoint import load
from model.network import Network
from model.weight_files import TORCH_FILE


class Loop:
    """Diagnoses one message at a time until it is stopped."""

    def __init__(self, network: Network, consumer: Consumer, producer: Producer) -> None:
        self._network = network
        self._consumer = consumer
        self._producer = producer
        self._running = True

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Stop after the current message; a signal handler."""
        self._running = False

    def run(self, topic: str) -> None:
        """Publish diagnoses to `topic`.

        Raises:
            KafkaException: Any error that Kafka reports.
        """
        while self._running:
            message = self._consumer.poll(1.0)
            if message is None:
                continue
            if message.error():
                raise KafkaException(message.error())
            self._producer.produce(topic, self._diagnosis(message), message.key())
            self._producer.poll(0)
        self._producer.flush()
        self._consumer.close()

    def _diagnosis(self, message: Polled) -> bytes:
        samples = np.frombuffer(message.value() or b"", "<f4")
        samples = (samples - samples.mean()) / samples.std(ddof=1)
        with torch.inference_mode():
            logits = self._network(torch.from_numpy(samples).unsqueeze(0))
            probabilities = logits.softmax(dim=1)[0].tolist()
        by_label = dict(zip(FAULT_LABELS, probabilities, strict=True))
        prediction = max(by_label, key=by_label.__getitem__)
        return json.dumps({"prediction": prediction, "probabilities": by_label}).encode()


@click.command()
@click.option("--bootstrap-servers", required=True)
@click.option("--group", required=True)
@click.option("--windows-topic", required=True)
@click.option("--diagnoses-topic", required=True)
def command(bootstrap_servers: str, group: str, windows_topic: str, diagnoses_topic: str) -> None:
    """Run the plain loop until SIGTERM."""
    # As in the consumer; faster here than the default of torch, a thread for each core.
    torch.set_num_threads(1)
    with resources.as_file(resources.files("assets")) as assets:
        network = load(assets / TORCH_FILE)
    servers = {"bootstrap.servers": bootstrap_servers}
    consumer = Consumer(servers | {"group.id": group, "auto.offset.reset": "earliest"})
    loop = Loop(network.eval(), consumer, Producer(servers))
    signal.signal(signal.SIGTERM, loop.stop)
    consumer.subscribe([windows_topic])
    loop.run(diagnoses_topic)


if __name__ == "__main__":
    command()
