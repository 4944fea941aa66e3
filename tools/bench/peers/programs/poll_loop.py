"""The same network in a plain poll loop.

It processes one message at a time, as tutorials do: poll, decode, one forward pass, produce,
auto-commit. It validates nothing, and can lose or duplicate diagnoses when it is killed.
"""

from confluent_kafka import Consumer, KafkaException, Producer

from tools.bench.peers.programs.one_window import OneWindow
from tools.bench.peers.programs.options import Options, Running, parse


def run(options: Options, running: Running) -> None:
    """Publish diagnoses until SIGTERM.

    Raises:
        KafkaException: Any error that Kafka reports.
    """
    network = OneWindow(options.published_form)
    servers = {"bootstrap.servers": options.bootstrap_servers}
    consumer = Consumer(servers | {"group.id": options.group, "auto.offset.reset": "earliest"})
    producer = Producer(servers)
    consumer.subscribe([options.windows_topic])
    while running:
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        producer.produce(options.diagnoses_topic, network(message.value() or b""), message.key())
        producer.poll(0)
    producer.flush()
    consumer.close()


if __name__ == "__main__":
    run(parse(), Running())
