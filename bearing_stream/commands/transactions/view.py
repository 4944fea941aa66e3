"""Formats transactions for a terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bearing_stream.commands.terminal import printable
from bearing_stream.commands.transactions.finding import ABORTABLE, OpenTransaction, State

MEANINGS = {
    State.ONGOING: "Kafka aborts it after its timeout",
    State.COMPLETING: "Kafka is ending it",
    State.UNKNOWN: "no coordinator reports it to this user",
    State.HANGING: "nothing ends it",
}


def show(transactions: Iterable[OpenTransaction], to: Console) -> None:
    """Print a table, a row for each transaction."""
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("state", "open for", "timeout", "producer", "transactional id", "open in"):
        table.add_column(name, no_wrap=name != "open in")
    for each in transactions:
        table.add_row(
            each.state,
            f"{each.age:,.0f} s",
            "" if each.timeout is None else f"{each.timeout:,.0f} s",
            f"{each.producer_id}:{each.producer_epoch}",
            Text(printable(each.transactional_id or "unknown")),
            Text(printable(places(each))),
        )
    to.print(table)


def places(transaction: OpenTransaction) -> str:
    """`topic partition:offset` of each partition in which it is open."""
    return ", ".join(
        f"{place.topic} {place.partition}:{offset}"
        for place, offset in sorted(transaction.offsets.items())
    )


def advice(transactions: Iterable[OpenTransaction]) -> str:
    """Return what can be done, in a line; empty if nothing can."""
    states = {each.state for each in transactions}
    if states.intersection(ABORTABLE):
        return "`bearing-stream transactions abort` ends those that are ongoing or hanging."
    if State.UNKNOWN in states:
        return (
            "Grant this user DESCRIBE on the transactional ids, or wait until --hanging-after has "
            "passed."
        )
    return ""
