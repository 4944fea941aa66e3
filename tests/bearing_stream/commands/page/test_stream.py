"""The events: every browser ends with the fleet, also after a break, and the last one closes."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from bearing_stream.commands.page import stream as stream_module
from bearing_stream.commands.page.settings import PageSettings
from bearing_stream.commands.page.stream import Stream, TooManyStreamsError
from tests.bearing_stream.commands.page.examples import add, diagnosis
from tests.bearing_stream.commands.page.serving import parts


class Event(NamedTuple):
    name: str
    id: str
    data: dict[str, Any]

    @property
    def sensors(self) -> list[str]:
        return [row["sensor"] for row in self.data["rows"]]


def parsed(event: bytes) -> Event:
    assert event.endswith(b"\n\n")
    fields = dict(line.split(": ", 1) for line in event.decode().strip().splitlines())
    return Event(fields["event"], fields["id"], json.loads(fields["data"]))


async def opened(stream: Stream, last_id: str = "") -> AsyncIterator[bytes]:
    """Return the events after the first line, which states when to connect again."""
    events = stream.events(last_id)
    assert await anext(events) == b"retry: 1000\n\n"
    return events


def test_a_browser_gets_all_and_then_what_changes() -> None:
    shared = parts(PageSettings())

    async def run() -> None:
        add(shared.fleet, diagnosis("a"), diagnosis("b"))
        shared.stream.publish()
        events = await opened(shared.stream)
        first = parsed(await anext(events))
        assert (first.name, first.sensors) == ("reset", ["a", "b"])
        add(shared.fleet, diagnosis("b", "Ball", at=1))
        shared.stream.publish()
        second = parsed(await anext(events))
        assert (second.name, second.sensors) == ("update", ["b"])
        assert second.data["groups"]["plant-2"] == {"sensors": 2, "Normal": 1, "Ball": 1}
        shared.stream.publish()
        assert parsed(await anext(events)).sensors == []

    asyncio.run(run())


def test_a_browser_that_was_cut_off_gets_what_it_lacks() -> None:
    shared = parts(PageSettings(max_sensors=2))

    async def run() -> None:
        add(shared.fleet, diagnosis("a"), diagnosis("a", at=1), diagnosis("b"))
        shared.stream.publish()
        last = parsed(await anext(await opened(shared.stream)))
        add(shared.fleet, diagnosis("b", at=1))
        shared.stream.publish()
        add(shared.fleet, diagnosis("c", at=20))
        shared.stream.publish()
        event = parsed(await anext(await opened(shared.stream, last.id)))
        assert (event.name, sorted(event.sensors)) == ("update", ["b", "c"])
        assert event.data["removed"] == [last.data["rows"][0]["id"]]

    asyncio.run(run())


@pytest.mark.parametrize("last_id", ["", "x", "00000000-1", "-", "00000000-\u0661", "{id}9"])
def test_a_browser_of_another_process_gets_all(last_id: str) -> None:
    shared = parts(PageSettings())

    async def run() -> None:
        add(shared.fleet, diagnosis("a"))
        shared.stream.publish()
        current = parsed(await anext(await opened(shared.stream))).id
        event = parsed(await anext(await opened(shared.stream, last_id.format(id=current))))
        assert (event.name, event.sensors) == ("reset", ["a"])

    asyncio.run(run())


def test_a_slow_browser_misses_nothing() -> None:
    shared = parts(PageSettings())

    async def run() -> None:
        add(shared.fleet, diagnosis("a"))
        shared.stream.publish()
        events = await opened(shared.stream)
        await anext(events)
        for number in range(5):
            add(shared.fleet, diagnosis(f"b{number}"))
            shared.stream.publish()
        assert parsed(await anext(events)).sensors == [f"b{number}" for number in range(5)]

    asyncio.run(run())


def test_browsers_with_the_same_version_share_the_bytes() -> None:
    shared = parts(PageSettings())

    async def run() -> None:
        add(shared.fleet, diagnosis("a"))
        shared.stream.publish()
        browsers = [await opened(shared.stream) for _ in range(3)]
        for _ in range(3):
            events = [await anext(each) for each in browsers]
            assert all(each is events[0] for each in events)
            shared.stream.publish()

    asyncio.run(run())


def test_there_are_only_so_many_browsers_and_closing_ends_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream_module, "MAX_STREAMS", 2)
    shared = parts(PageSettings())

    async def run() -> None:
        shared.stream.publish()
        browsers = [await opened(shared.stream) for _ in range(2)]
        with pytest.raises(TooManyStreamsError):
            await anext(shared.stream.events())
        waiting = [asyncio.create_task(_rest(each)) for each in browsers]
        await asyncio.sleep(0)
        shared.stream.close()
        assert [len(await each) for each in waiting] == [1, 1]
        assert shared.stream.browsers == 0

    asyncio.run(run())


async def _rest(events: AsyncIterator[bytes]) -> list[bytes]:
    return [each async for each in events]
