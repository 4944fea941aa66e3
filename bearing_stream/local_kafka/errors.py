"""The errors of a local Kafka."""


class LocalKafkaError(RuntimeError):
    """A local Kafka cannot run; the message states the reason and what to do."""


class AddressInUseError(LocalKafkaError):
    """Another process took a port between the check and the start of Kafka."""
