"""The same network in Quix Streams, at least once; runs in an environment of its own."""

# Quix Streams is not a dependency of this project, so mypy finds no types of it.
from quixstreams import Application  # type: ignore[import-not-found]

from tools.bench.peers.programs.one_window import OneWindow
from tools.bench.peers.programs.options import Options, parse


def run(options: Options) -> None:
    """Publish diagnoses until SIGTERM, which Quix Streams handles."""
    application = Application(
        broker_address=options.bootstrap_servers,
        consumer_group=options.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="WARNING",
    )
    windows = application.topic(options.windows_topic, value_deserializer="bytes")
    diagnoses = application.topic(options.diagnoses_topic, value_serializer="bytes")
    frame = application.dataframe(windows)
    frame.apply(OneWindow(options.published_form)).to_topic(diagnoses)
    application.run()


if __name__ == "__main__":
    run(parse())
