"""The receivers, as `receivers_file` reads them from TOML: who is notified of what, and how."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from bearing_stream.alarms.rules import HOUR, MINUTE, SECOND, Duration
from bearing_stream.commands.alarms.notify.checks import (
    checked_address,
    checked_ca_file,
    checked_headers,
    checked_host,
    checked_line,
    checked_url,
)
from bearing_stream.commands.alarms.notify.secret import Secret, SecretSource, TextOrSecret
from bearing_stream.commands.alarms.notify.template import TemplateText
from bearing_stream.wire.alarm_terms import AlarmKind, Severity, Transition

SUBJECT: Final = "[$severity] $alarm_id $event: $what"
"""Template of a title in one line."""

BODY: Final = """$what on $sensor of $machine: $event

alarm         $alarm_id
severity      $severity
state         $state
since         $since
measured at   $measured_at
RMS           $rms, $rms_trend times its reference
by            $by
reason        $reason

bearing-stream alarms show $quoted_alarm_id
bearing-stream alarms ack $quoted_alarm_id --reason …
"""
"""Template of a message of several lines."""

DEFAULT_EVENTS: Final = (
    *(Transition.RAISED, Transition.ESCALATED, Transition.REALARMED, Transition.CHATTERING),
    *(Transition.UNMASKED, Transition.UNSHELVED, Transition.UNSUPPRESSED, Transition.ENABLED),
    Transition.CLEARED,
)
"""What calls for attention, and its end."""


def _between(low: str, shortest: int, high: str, longest: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        if not shortest <= value <= longest:
            raise ValueError(f"expected {low} to {high}")
        return value

    return check


Timeout = Annotated[Duration, AfterValidator(_between("100ms", SECOND // 10, "2m", 2 * MINUTE))]
Interval = Annotated[Duration, AfterValidator(_between("1s", SECOND, "1h", HOUR))]


def _is_url(value: str | SecretSource) -> str | SecretSource:
    return checked_url(value) if isinstance(value, str) else value


Url = Annotated[TextOrSecret, AfterValidator(_is_url)]
Headers = Annotated[dict[str, TextOrSecret], AfterValidator(checked_headers)]
CaFile = Annotated[Path, AfterValidator(checked_ca_file)]
PerMinute = Annotated[int, Field(strict=True, ge=1, le=10_000)]


class Table(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True
    )


class Receiver(Table):
    """What every receiver has."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,59}$")]
    """Unique. Its consumer group is named by it: a receiver that is renamed begins anew."""
    kind: str
    """`webhook`, `alertmanager`, `email` or `command`."""
    severity: Severity = Severity.LOW
    """Lowest severity of which it is notified."""
    kinds: tuple[AlarmKind, ...] = ()
    """Kinds of alarms of which it is notified; none: all."""
    machines: tuple[str, ...] = ()
    """Patterns of machines, of which one must match; `*` any text, `?` any character."""
    sensors: tuple[str, ...] = ()
    """The same for sensors."""
    start_from: Literal["latest", "earliest"] = "latest"
    """Where it begins at its very first start: with the next event, or with the oldest."""
    timeout: Timeout = 10 * SECOND
    """How long one attempt may take."""
    longest_pause: Interval = 5 * MINUTE
    """Between two attempts at most. The first pause is a second; each is twice as long as the one
    before, less up to a half at random."""

    def secrets(self) -> Iterator[SecretSource]:
        """Yield every secret that it names."""
        for value in vars(self).values():
            for each in value.values() if isinstance(value, dict) else (value,):
                if isinstance(each, SecretSource):
                    yield each


class Messaging(Receiver):
    """What receivers of single messages have."""

    events: Annotated[tuple[Transition, ...], Field(min_length=1)] = DEFAULT_EVENTS
    """Events of which it is notified. One that calls for attention is left out while the alarm is
    not displayed: masked, shelved, suppressed or out of service."""
    per_minute: PerMinute | None = None
    """Messages in any minute at most. What is beyond is sent as one summary as soon as the limit
    permits. Without it there is no limit."""


class Webhook(Messaging):
    """A program that takes events over HTTP, or a chat."""

    kind: Literal["webhook"]
    url: Url
    """Address to which each event is posted; as a secret where the address is one."""
    signing_secret: Secret | None = None
    """Secret of Standard Webhooks, `whsec_…`; two, with a space between, while it is rotated."""
    headers: Headers = Field(default_factory=dict)
    """Further headers; one such as `Authorization` must be a secret."""
    text: TemplateText | None = None
    """Template of a text. With it the body is `{"text": …}`, as chats expect it, instead of the
    event."""
    text_field: Annotated[str, Field(min_length=1)] = "text"
    """Name of the text in that body."""
    ca_file: CaFile | None = None
    """Authorities of the server's certificate, PEM; by default those of the system."""


class Alertmanager(Receiver):
    """An Alertmanager of Prometheus; each one of a cluster is a receiver of its own."""

    kind: Literal["alertmanager"]
    url: Url
    """Its address without `/api/v2/alerts`."""
    headers: Headers = Field(default_factory=dict)
    """As for a webhook."""
    ca_file: CaFile | None = None
    """As for a webhook."""
    alertname: Annotated[str, Field(min_length=1)] = "BearingAlarm"
    """The label `alertname` of every alert."""
    labels: dict[Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")], str] = Field(
        default_factory=dict
    )
    """Further labels of every alert."""
    resend_interval: Interval = MINUTE
    """Active alarms are sent again so often; below the `resolve_timeout` of the Alertmanager, after
    which it takes an alert for resolved."""
    summary: TemplateText = SUBJECT
    """Template of the annotation `summary`."""
    description: TemplateText = "$what on $sensor of $machine since $since"
    """Template of the annotation `description`."""


Address = Annotated[str, AfterValidator(checked_address)]


class Email(Messaging):
    """Mailboxes, by way of an SMTP server."""

    kind: Literal["email"]
    host: Annotated[str, AfterValidator(checked_host)]
    """The SMTP server."""
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] | None = None
    """By default 587, with `tls` 465 and with `none` 25."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted."""
    ca_file: CaFile | None = None
    """As for a webhook."""
    username: Annotated[str, AfterValidator(checked_line)] | None = None
    """User of the server; none: without login."""
    password: Secret | None = None
    """Password of the user."""
    sender: Address = Field(alias="from")
    """Address of the sender, `name@host`."""
    to: Annotated[tuple[Address, ...], Field(min_length=1)]
    """Addresses of the recipients."""
    subject: TemplateText = SUBJECT
    """Template of the subject."""
    body: TemplateText = BODY
    """Template of the text."""
    per_minute: PerMinute | None = 10
    """As for other receivers."""

    @model_validator(mode="after")
    def _logs_in_with_both(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("expected both username and password, or neither")
        if self.password is not None and self.security == "none":
            raise ValueError(
                "expected security starttls or tls: a password must not go unencrypted"
            )
        return self


class Program(Messaging):
    """A program that is started for each event."""

    kind: Literal["command"]
    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    """The program and its arguments; no shell. The event is on its standard input."""
    environment: tuple[Annotated[str, Field(pattern=r"^[^=\x00]+$")], ...] = ()
    """Variables that it inherits, beyond PATH, HOME, LANG, TZ and TMPDIR."""

    @field_validator("argv")
    @classmethod
    def _can_be_started(cls, argv: tuple[str, ...]) -> tuple[str, ...]:
        if shutil.which(argv[0]) is None:
            raise ValueError(f"expected a program that can be started, and there is no {argv[0]!r}")
        for each in argv:
            if "\0" in each:
                raise ValueError(f"expected arguments without a null character, got {each!r}")
        return argv


KINDS: Final[dict[str, type[Receiver]]] = {
    "webhook": Webhook,
    "alertmanager": Alertmanager,
    "email": Email,
    "command": Program,
}
"""Kind → its model."""
