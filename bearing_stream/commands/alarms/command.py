"""`bearing-stream alarms`: without a subcommand the stage; with one, what people do with alarms."""

import getpass
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click
from pydantic import TypeAdapter, ValidationError

from bearing_stream.alarms.commands import LONGEST_REASON
from bearing_stream.alarms.rules import Duration
from bearing_stream.commands.alarms.notify.command import command as notify_command
from bearing_stream.commands.alarms.settings import (
    ActSettings,
    AlarmSettings,
    CheckSettings,
    HistorySettings,
)
from bearing_stream.commands.terminal import json_text, notice, standard_output
from bearing_stream.config import from_command_line, options
from bearing_stream.kafka import AlarmTopicSettings, FatalKafkaError, wait_for_topics
from bearing_stream.logs import configure_logs
from bearing_stream.wire.alarm_terms import Action, Transition

if TYPE_CHECKING:
    from bearing_stream.commands.alarms.reading import Row
    from bearing_stream.wire.alarm import PublishedCommand

AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="alarms", invoke_without_command=True)
@options(AlarmSettings)
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Raise alarms from diagnoses, exactly once; and list, acknowledge and shelve them.

    Without a subcommand it raises them: SIGTERM and SIGINT finish what is in flight.
    """
    if context.invoked_subcommand is not None:
        sources = map(context.get_parameter_source, given)
        if click.core.ParameterSource.COMMANDLINE in sources:
            raise click.UsageError(
                f"options before '{context.invoked_subcommand}' have no effect: write them after it"
            )
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        return
    settings = from_command_line(AlarmSettings, given)
    # Imported here because it loads the Kafka client and SciPy.
    from bearing_stream.commands.alarms.stage.process import run
    from consumer.events import LIBRARY_MESSAGE

    configure_logs(settings.log_format, settings.log_level, LIBRARY_MESSAGE)
    sys.exit(run(settings))


@command.command(name="list")
@AS_JSON
@click.option("--all", "everything", is_flag=True, help="Those too that are not displayed now.")
@options(AlarmTopicSettings)
@standard_output()
def list_alarms(as_json: bool, everything: bool, **given: Any) -> None:
    """List the alarms that are displayed now, by machine, the most severe first.

    With --json, print a line for each.
    """
    from bearing_stream.commands.alarms import reading, view

    settings = from_command_line(AlarmTopicSettings, given)
    with _ready(settings, settings.alarm_topics.alarms):
        rows = reading.table(settings).values()
    groups = reading.by_machine(row for row in rows if everything or row.is_displayed)
    if as_json:
        for row in (row for group in groups for row in group):
            click.echo(json_text(row.alarm.model_dump(mode="json")))
    else:
        view.show_alarms(groups, view.console())


@command.command(name="show")
@AS_JSON
@click.argument("alarm_id")
@options(AlarmTopicSettings)
@standard_output()
def show(as_json: bool, alarm_id: str, **given: Any) -> None:
    """Show every field of one alarm, such as `pump-7:bearing-fault`."""
    from bearing_stream.commands.alarms import acting, view

    settings = from_command_line(AlarmTopicSettings, given)
    with _ready(settings, settings.alarm_topics.alarms):
        [row] = acting.find(settings, [alarm_id])
    if as_json:
        click.echo(json_text(row.alarm.model_dump(mode="json"), indent=2))
    else:
        view.show_alarm(row.alarm, view.console())


@command.command(name="history")
@AS_JSON
@click.argument("alarm_id", required=False)
@options(HistorySettings)
@standard_output()
def history(as_json: bool, alarm_id: str | None, **given: Any) -> None:
    """List the events of all alarms, or of one: each transition, and who gave which command."""
    from bearing_stream.commands.alarms import reading, view

    settings = from_command_line(HistorySettings, given)
    with _ready(settings, settings.alarm_topics.events):
        found = (event for event in reading.history(settings) if alarm_id in (None, event.alarm_id))
        if as_json:
            for event in islice(found, settings.limit):
                click.echo(json_text(event.model_dump(mode="json")))
        else:
            view.show_events(reading.latest(found, settings.limit), view.console())


@command.command(name="verify")
@AS_JSON
@options(CheckSettings)
@standard_output()
def verify_alarms(as_json: bool, **given: Any) -> None:
    """Make all events again from the diagnoses, and compare them with those in the topic.

    The diagnoses topic must hold all since the stage began, and the rules must be those that it had
    all the time. The exit status is 1 if an event is missing, unexpected or different.
    """
    from bearing_stream.alarms.rules_file import RulesError, load
    from bearing_stream.commands.alarms import verifying

    settings = from_command_line(CheckSettings, given)
    try:
        rules = load(settings.rules)
    except RulesError as error:
        raise click.ClickException(str(error)) from error
    topics = settings.alarm_topics
    with _ready(settings, settings.diagnoses_topic, topics.events, topics.commands):
        report = verifying.verify(settings, rules, settings.sensor_limit)
    if as_json:
        click.echo(json_text(report.as_json(), indent=2))
    else:
        for name, value in report.as_json().items():
            counted = value if isinstance(value, int) else value["count"]
            click.echo(f"{counted:>12,}  {name}")
    if not report.is_right:
        sys.exit(1)


def _short_enough(_context: click.Context, _option: click.Parameter, reason: str) -> str:
    if len(reason) > LONGEST_REASON:
        raise click.BadParameter(f"expected at most {LONGEST_REASON} characters, got {len(reason)}")
    return reason


def _acting(
    name: str, action: Action, text: str, extra: Callable[[Any], Any] = lambda function: function
) -> None:
    """Add a subcommand that asks for an action."""

    @command.command(name=name, help=text)
    @AS_JSON
    @click.option("--reason", default="", callback=_short_enough, help="Why.")
    @click.argument("alarm_ids", nargs=-1, required=True, metavar="ALARM_ID...")
    @extra
    @options(ActSettings)
    @standard_output()
    def act(as_json: bool, alarm_ids: tuple[str, ...], reason: str, **given: Any) -> None:
        lasts, once = given.pop("lasts", None), given.pop("once", False)
        settings = from_command_line(ActSettings, given)

        def command_for(row: "Row", now: datetime) -> "PublishedCommand":
            from bearing_stream.commands.alarms import acting

            by = settings.by or getpass.getuser()
            return acting.command_for(row, action, by, reason, now, lasts=lasts, once=once)

        _act(settings, alarm_ids, command_for, as_json)


def _act(
    settings: ActSettings,
    alarm_ids: tuple[str, ...],
    command_for: "Callable[[Row, datetime], PublishedCommand]",
    as_json: bool,
) -> None:
    from bearing_stream.commands.alarms import acting, view

    topics, now = settings.alarm_topics, datetime.now(UTC)
    with _ready(settings, topics.alarms, topics.events, written=topics.commands):
        rows = acting.find(settings, dict.fromkeys(alarm_ids))
        commands = [(command_for(row, now), row.partition) for row in rows]
        found = acting.send(settings, commands, settings.wait)
    if as_json:
        for event in found:
            click.echo(json_text(event.model_dump(mode="json")))
    elif found:
        view.show_events(found, view.console())
    if missing := len(commands) - len(found):
        raise click.ClickException(
            f"{missing} of {len(commands)} commands have no result after {settings.wait:g} s: they "
            "are in the topic, and take effect when `bearing-stream alarms` runs"
        )
    if any(event.event == Transition.REFUSED for event in found):
        sys.exit(1)


def _duration(_context: object, _parameter: object, text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return timedelta(microseconds=TypeAdapter(Duration).validate_python(text))
    except ValidationError as error:
        raise click.BadParameter(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


def _shelving(function: Any) -> Any:
    function = click.option(
        "--once", is_flag=True, help="End it when the alarm clears, if that is earlier."
    )(function)
    return click.option(
        "--for", "lasts", metavar="DURATION", callback=_duration, help="How long: 30m, 8h, 1d."
    )(function)


_acting("ack", Action.ACKNOWLEDGE, "Acknowledge alarms, at the severity that they have now.")
_acting("shelve", Action.SHELVE, "Put alarms aside for a time, or until they clear.", _shelving)
_acting("unshelve", Action.UNSHELVE, "End the shelving of alarms.")
_acting("suppress", Action.SUPPRESS, "Suppress alarms until `unsuppress`.")
_acting("unsuppress", Action.UNSUPPRESS, "End the suppression of alarms.")
_acting("disable", Action.DISABLE, "Take alarms out of service until `enable`.")
_acting("enable", Action.ENABLE, "Return alarms to service.")


command.add_command(notify_command)


@contextmanager
def _ready(
    settings: AlarmTopicSettings, *topics: str, written: str | None = None
) -> Iterator[None]:
    """Wait for the topics, and turn what goes wrong into one line and status 1."""
    from bearing_stream.commands.alarms.acting import NoSuchAlarmError

    try:
        wait_for_topics(
            settings.client_properties(),
            topics,
            settings.startup_timeout,
            notice,
            "start `bearing-stream alarms` with --create-topics",
            written=() if written is None else (written,),
        )
        yield
    except (FatalKafkaError, NoSuchAlarmError) as error:
        raise click.ClickException(str(error)) from error
