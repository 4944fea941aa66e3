"""What goes wrong with a local Kafka."""


class LocalKafkaError(RuntimeError):
    """A local Kafka cannot be had; the message says why and what to do about it."""


class AddressInUseError(LocalKafkaError):
    """A port that was free a moment ago was taken before Kafka could have it."""
