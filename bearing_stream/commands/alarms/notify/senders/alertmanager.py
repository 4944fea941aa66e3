"""Keeps the alerts of an Alertmanager as the alarms are, with its API v2.

An Alertmanager takes an alert for resolved when it was not sent for `resolve_timeout`. So active
alarms are sent again and again, without `endsAt`; one that is over is sent with it, and for a while
again, as Prometheus does, in case the Alertmanager restarts.

Alerts are distinguished by their labels. What may change while an alarm is active (its label, its
times) is in annotations, but for the severity, by which routes are chosen: when it changes, the
alert of the severity before ends.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import to_json

from bearing_stream.alarms.rules import SECOND
from bearing_stream.commands.alarms.notify.filters import concerns
from bearing_stream.commands.alarms.notify.notification import Notification
from bearing_stream.commands.alarms.notify.receivers import Alertmanager
from bearing_stream.commands.alarms.notify.secret import SecretSource, redacted
from bearing_stream.commands.alarms.notify.senders.base import (
    RefusedError,
    Sender,
    UnavailableError,
)
from bearing_stream.commands.alarms.notify.senders.http import (
    HttpClient,
    Request,
    available,
    resolved,
)
from bearing_stream.commands.alarms.notify.template import render
from bearing_stream.wire import format_time
from bearing_stream.wire.alarm import Alarm, AlarmEvent
from bearing_stream.wire.alarm_terms import ANNUNCIATED, DataState, DisplayState

PATH: Final = "/api/v2/alerts"

AT_A_TIME: Final = 64
"""Alerts of a request, as Prometheus sends them."""

END_RESENT: Final = 15 * 60.0
"""Seconds for which the end of an alert is sent again, as by Prometheus."""

RETRY: Final = 10.0
"""Seconds after which alerts that were not accepted are sent again."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert, as the Alertmanager has it."""

    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: datetime | None
    ends_at: datetime | None = None
    """None while it is active."""

    @property
    def id(self) -> tuple[tuple[str, str], ...]:
        """What distinguishes it from others."""
        return tuple(sorted(self.labels.items()))

    def ended(self, now: datetime) -> "Alert":
        """Return it as one that ends now, or when it began if that is later."""
        return replace(self, ends_at=max(now, self.starts_at or now))

    def as_json(self) -> dict[str, Any]:
        """Return it as the API takes it."""
        found: dict[str, Any] = {"labels": self.labels, "annotations": self.annotations}
        for name, at in (("startsAt", self.starts_at), ("endsAt", self.ends_at)):
            if at is not None:
                found[name] = format_time(at, "milliseconds")
        return found


class AlertmanagerSender(Sender):
    """Keeps the alerts of one Alertmanager."""

    mirrors = True

    def __init__(
        self,
        receiver: Alertmanager,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Set up.

        Args:
            receiver: Which Alertmanager.
            clock: Monotonic seconds.
            now: The time.
        """
        self._receiver = receiver
        self._clock = clock
        self._now = now
        secrets = receiver.secrets()
        self._client = HttpClient(receiver.timeout / SECOND, receiver.ca_file, secrets)
        self._active: dict[str, Alert] = {}
        self._ended: dict[tuple[tuple[str, str], ...], tuple[Alert, float]] = {}
        self._due = clock()

    def send(self, notification: Notification) -> None:
        """Send the alert as it is after the event, and the end of the one that it replaces."""
        event = notification.event
        assert event is not None, "there is no rate limit, and so no summary"
        alert, before = self._alert(event), self._active.get(event.alarm_id)
        alerts = [alert]
        if before is not None and before.id != alert.id:
            alerts.append(before.ended(self._now()))
        try:
            self._post(alerts)
        except RefusedError:
            # It is sent again as all others are: what was wrong with it may pass, as a start that
            # is in the future by the Alertmanager's clock.
            self._note(event.alarm_id, alerts)
            raise
        self._note(event.alarm_id, alerts)

    def _note(self, alarm_id: str, alerts: list[Alert]) -> None:
        self._active.pop(alarm_id, None)
        for each in alerts:
            if each.ends_at is not None:
                self._ended[each.id] = each, self._clock() + END_RESENT
            else:
                self._active[alarm_id] = each
                self._ended.pop(each.id, None)

    def preview(self, notification: Notification) -> str:
        """Return the request."""
        event = notification.event
        assert event is not None, "there is no rate limit, and so no summary"
        receiver = self._receiver
        request = self._request([self._alert(event)])
        text = request.as_text(isinstance(receiver.url, SecretSource))
        return redacted(text, receiver.secrets())

    def restore(self, alarms: Iterable[Alarm]) -> None:
        """Take the active ones of these for all that are active; they are sent at the next call."""
        self._active = {
            alarm.alarm_id: self._alert(alarm)
            for alarm in alarms
            if _is_firing(alarm) and concerns(self._receiver, alarm)
        }
        self._ended.clear()
        self._due = self._clock()

    def refresh(self) -> None:
        """Send all alerts again, if it is time."""
        now = self._clock()
        if now < self._due:
            return
        interval = self._receiver.resend_interval / SECOND
        retry = min(interval, RETRY)
        self._due = now + retry
        self._ended = {id_: each for id_, each in self._ended.items() if each[1] > now}
        alerts = [*self._active.values(), *(alert for alert, _ in self._ended.values())]
        refused = ""
        for begin in range(0, len(alerts), AT_A_TIME):
            try:
                self._post(alerts[begin : begin + AT_A_TIME])
            except RefusedError as error:
                # An Alertmanager takes those alerts of a request that are valid.
                refused = str(error)
            except UnavailableError as error:
                raise UnavailableError(str(error), retry) from None
        self._due = now + interval
        if refused:
            raise RefusedError(refused)

    def stop(self) -> None:
        """Give an attempt in flight some seconds to end."""
        self._client.stop()

    def _post(self, alerts: list[Alert]) -> None:
        self._client.post(self._request(alerts))

    def _request(self, alerts: list[Alert]) -> Request:
        receiver = self._receiver
        headers = {"content-type": "application/json", "user-agent": "bearing-stream"}
        return Request(
            available(receiver.url).rstrip("/") + PATH,
            headers | resolved(receiver.headers),
            to_json([alert.as_json() for alert in alerts]),
        )

    def _alert(self, alarm: Alarm) -> Alert:
        receiver = self._receiver
        own = {
            "alertname": receiver.alertname,
            "alarm_id": alarm.alarm_id,
            "severity": alarm.severity,
            "machine": alarm.machine,
            "sensor": alarm.sensor,
            "kind": alarm.kind,
        }
        event = alarm if isinstance(alarm, AlarmEvent) else _as_event(alarm)
        annotations = {
            "summary": " ".join(render(receiver.summary, event).split()),
            "description": render(receiver.description, event),
            "label": alarm.label or "",
            "state": alarm.state,
        }
        found = Alert(dict(receiver.labels) | own, annotations, alarm.since)
        return found if _is_firing(alarm) else found.ended(self._now())


def _is_firing(alarm: Alarm) -> bool:
    """Whether an alert is active: not where an operator or another alarm hides the alarm.

    Silence hides it too, and does not resolve it: nobody has seen the fault end. It was displayed
    before, since a sensor that is silent raises nothing else.
    """
    is_hidden_by_silence = alarm.state == DisplayState.MASKED and alarm.data == DataState.SILENT
    return alarm.active and (alarm.state in ANNUNCIATED or is_hidden_by_silence)


def _as_event(alarm: Alarm) -> AlarmEvent:
    """Return an alarm as an event, for the templates: that of its latest raise."""
    return AlarmEvent(**dict(alarm), event="raised")
