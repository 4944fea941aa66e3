"""`bearing-stream alarms notify`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from bearing_stream.commands.alarms.notify.settings import NotifySettings
from bearing_stream.commands.terminal import notice, standard_output
from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import FatalKafkaError, wait_for_topics
from bearing_stream.logs import configure_logs

if TYPE_CHECKING:
    from bearing_stream.commands.alarms.notify.receivers import Receiver


@click.command(name="notify")
@click.option(
    "--test",
    "test",
    is_flag=False,
    flag_value="example",
    metavar="[EVENT]",
    help="Print what each receiver would be sent, and send nothing. The event is `example` (the "
    "default, which needs no Kafka), `latest` for the latest one in the topic, or an alarm's id "
    "for the latest one of that alarm.",
)
@click.option(
    "--send-test", is_flag=True, help="Send an example once to each receiver, whatever its filters."
)
@click.option(
    "--only", multiple=True, metavar="NAME", help="Only this receiver of the file (repeatable)."
)
@options(NotifySettings)
@standard_output()
def command(test: str | None, send_test: bool, only: tuple[str, ...], **given: Any) -> None:
    """Notify people and programs of alarms: by webhook, Alertmanager, e-mail, or a command.

    Each receiver has offsets of its own: one that is down delays no other, and loses nothing.
    SIGTERM and SIGINT finish what is in flight.
    """
    settings = from_command_line(NotifySettings, given)
    # Imported here because it loads the Kafka client.
    from bearing_stream.commands.alarms.notify.receivers_file import ReceiversError, chosen, load

    try:
        receivers = chosen(load(settings.receivers), only)
    except ReceiversError as error:
        raise click.ClickException(str(error)) from error
    if test is not None and send_test:
        raise click.UsageError("expected --test or --send-test, not both")
    if send_test:
        _send_example(receivers)
    elif test is not None:
        _preview(settings, receivers, test)
    else:
        from bearing_stream.commands.alarms.notify.service import run
        from consumer.events import LIBRARY_MESSAGE

        configure_logs(settings.log_format, settings.log_level, LIBRARY_MESSAGE)
        sys.exit(run(settings, receivers))


def _preview(settings: NotifySettings, receivers: "list[Receiver]", which: str) -> None:
    from bearing_stream.commands.alarms.notify import trial

    try:
        if which == trial.EXAMPLE:
            found = trial.example()
        else:
            wait_for_topics(
                settings.client_properties(),
                [settings.alarm_topics.events],
                settings.startup_timeout,
                notice,
                "start `bearing-stream alarms` with --create-topics",
            )
            found = trial.find(settings, which)
    except (FatalKafkaError, trial.NoSuchEventError) as error:
        raise click.ClickException(str(error)) from error
    for text in trial.preview(receivers, found):
        click.echo(text)


def _send_example(receivers: "list[Receiver]") -> None:
    from bearing_stream.commands.alarms.notify import trial

    accepted = True
    for text, is_accepted in trial.send(receivers, trial.example()):
        click.echo(text)
        accepted = accepted and is_accepted
    if not accepted:
        sys.exit(1)
