"""The folder that keeps the data of a local Kafka from one run to the next."""

from pathlib import Path

from bearing_stream.local_kafka.errors import LocalKafkaError


def prepare_folder(data: Path, brokers: int) -> None:
    """Create the folder, and delete the logs of the last run.

    Raises:
        LocalKafkaError: it holds the data of another number of brokers.
    """
    data.mkdir(parents=True, exist_ok=True)
    existing = sorted(data.glob("broker-*"))
    if existing and len(existing) != brokers:
        raise LocalKafkaError(
            f"{data} holds the data of {len(existing)} broker(s), not {brokers}. "
            "Use that number, or another folder."
        )
    for folder in existing:
        (folder / "broker.log").unlink(missing_ok=True)
