"""The ledger agrees with a naive model that keeps everything, for any windows and results."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.commands.verify.ledger import Ledger
from bearing_stream.commands.verify.report import OUT_OF_SCOPE, VIOLATIONS, Offender, Report
from bearing_stream.kafka import Span
from bearing_stream.kafka.record_id import RecordId

PARTITIONS = 2
RANGE = Span(10, 18)
TOPIC_SPAN = Span(8, 24)
"""What the topic holds when results are read: more than the range on both sides."""

RECORDS = st.builds(RecordId, st.integers(0, PARTITIONS), st.integers(5, 27))
IN_RANGE = st.builds(RecordId, st.integers(0, PARTITIONS - 1), st.integers(10, 17))
HASHES = st.integers(1, 3)


@dataclass(frozen=True)
class AddedWindow:
    identity: int
    content: int


@dataclass(frozen=True)
class AddedDiagnosis:
    claim: RecordId
    identity: int
    event: int
    partition: int


@dataclass(frozen=True)
class AddedDeadLetter:
    claim: RecordId
    content: int


WINDOWS = st.dictionaries(IN_RANGE, st.builds(AddedWindow, st.integers(0, 3), HASHES), max_size=16)
DIAGNOSES = st.builds(AddedDiagnosis, RECORDS, st.integers(0, 3), HASHES, st.integers(0, 1))
DEAD_LETTERS = st.builds(AddedDeadLetter, RECORDS, HASHES)


def ledger_of(windows: dict[RecordId, AddedWindow], samples: int = 10) -> Ledger:
    ledger = Ledger(dict.fromkeys(range(PARTITIONS), RANGE), samples)
    for record, window in windows.items():
        ledger.add_window(record, window.identity, window.content, window.content)
    ledger.set_topic_spans(dict.fromkeys(range(PARTITIONS), TOPIC_SPAN))
    return ledger


def add(ledger: Ledger, result: AddedDiagnosis | AddedDeadLetter, number: int) -> None:
    if isinstance(result, AddedDeadLetter):
        ledger.add_dead_letter(RecordId(0, number), result.claim, [result.content])
    else:
        record = RecordId(result.partition, number)
        ledger.add_diagnosis(record, result.claim, result.identity, result.event, result.identity)


def naive(
    windows: dict[RecordId, AddedWindow], results: list[AddedDiagnosis | AddedDeadLetter]
) -> Counter[str]:
    """Count by the names of a report's fields, from dictionaries of everything."""
    found: Counter[str] = Counter(windows=len(windows))
    accepted: defaultdict[RecordId, list[AddedDiagnosis]] = defaultdict(list)
    letters: Counter[RecordId] = Counter()
    sequences: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for result in results:
        claim, window = result.claim, windows.get(result.claim)
        if window is None:
            if claim.partition >= PARTITIONS or not 0 <= claim.offset < TOPIC_SPAN.end:
                found["unknown"] += 1
            elif claim.offset < RANGE.start:
                found["before"] += 1
            else:
                found["after" if claim.offset >= RANGE.end else "unknown"] += 1
        elif isinstance(result, AddedDeadLetter):
            letters[claim] += 1
            found["altered"] += result.content != window.content
        elif not result.identity or result.identity != window.identity:
            found["unknown"] += 1
        else:
            if not accepted[claim]:
                sequence = sequences[result.identity, claim.partition, result.partition]
                found["out_of_order"] += any(claim.offset < earlier for earlier in sequence)
                sequence.append(claim.offset)
            accepted[claim].append(result)
    diagnosed = {record for record, of_window in accepted.items() if of_window}
    found["diagnosed"], found["dead_letters"] = len(diagnosed), len(letters)
    found["lost"] = len(windows.keys() - diagnosed - letters.keys())
    found["both"] = len(diagnosed & letters.keys())
    found["duplicated"] = sum(len(accepted[record]) - 1 for record in diagnosed)
    found["duplicated"] += letters.total() - len(letters)
    found["relabelled"] = sum(
        later.event != of_window[0].event
        for of_window in accepted.values()
        for later in of_window[1:]
    )
    return found


@given(WINDOWS, st.lists(DIAGNOSES | DEAD_LETTERS, max_size=40))
def test_the_ledger_agrees_with_a_naive_model(
    windows: dict[RecordId, AddedWindow], results: list[AddedDiagnosis | AddedDeadLetter]
) -> None:
    ledger = ledger_of(windows)
    for number, result in enumerate(results):
        add(ledger, result, number)

    report = ledger.report()

    expected = naive(windows, results)
    fields = ("windows", "diagnosed", "dead_letters", *VIOLATIONS, *OUT_OF_SCOPE)
    assert {name: getattr(report, name) for name in fields} == {
        name: expected[name] for name in fields
    }
    assert report.wrong == {name: expected[name] for name in VIOLATIONS if expected[name]}
    assert ledger.pending == report.lost


@given(WINDOWS)
def test_one_result_of_each_window_in_order_violates_nothing(
    windows: dict[RecordId, AddedWindow],
) -> None:
    ledger = ledger_of(windows)
    for number, (record, window) in enumerate(sorted(windows.items())):
        if window.identity:
            add(ledger, AddedDiagnosis(record, window.identity, 1, record.partition), number)
        else:
            add(ledger, AddedDeadLetter(record, window.content), number)

    assert ledger.report().wrong == {}


@given(WINDOWS, st.lists(DIAGNOSES | DEAD_LETTERS, max_size=40), st.integers(0, 3))
def test_no_more_offenders_are_kept_than_asked_for(
    windows: dict[RecordId, AddedWindow],
    results: list[AddedDiagnosis | AddedDeadLetter],
    samples: int,
) -> None:
    ledger = ledger_of(windows, samples)
    for number, result in enumerate(results):
        add(ledger, result, number)

    report = ledger.report()

    named = {name: len(report.samples.get(name, [])) for name in VIOLATIONS}
    assert named == {name: min(getattr(report, name), samples) for name in VIOLATIONS}
    assert all(offender.window in windows for offender in report.samples.get("lost", []))


def test_a_window_deleted_by_retention_is_not_unknown() -> None:
    ledger = Ledger({0: Span(0, 10)})
    ledger.set_topic_spans({0: Span(4, 10)})

    ledger.add_diagnosis(RecordId(0, 0), RecordId(0, 3), 1, 1, "s")
    ledger.add_diagnosis(RecordId(0, 1), RecordId(0, 4), 1, 1, "s")

    report = ledger.report()
    assert (report.before, report.unknown) == (1, 1)


def test_an_added_partition_is_after_the_range() -> None:
    ledger = Ledger({0: Span(0, 1)})
    ledger.set_topic_spans({0: Span(0, 1), 1: Span(0, 5)})

    ledger.add_diagnosis(RecordId(0, 0), RecordId(1, 4), 1, 1, "s")
    ledger.add_diagnosis(RecordId(0, 1), RecordId(1, 5), 1, 1, "s")

    report = ledger.report()
    assert (report.after, report.unknown) == (1, 1)


def test_the_dead_letter_of_a_dead_letter_that_was_redriven_with_its_error_headers() -> None:
    """It claims the position of the first original, and is identified by its content."""
    ledger = Ledger({0: Span(0, 2)})
    first, again = 11, 12
    ledger.add_window(RecordId(0, 0), 1, first, 1)
    ledger.add_window(RecordId(0, 1), 1, again, 1, has_error_headers=True)

    for number in range(2):
        ledger.add_dead_letter(RecordId(0, number), RecordId(0, 0), [first, again])

    assert ledger.report().wrong == {}
    ledger.add_dead_letter(RecordId(0, 2), RecordId(0, 0), [first, again])
    assert ledger.report().wrong == {"duplicated": 1}


def test_a_stub_is_compared_by_the_value_that_it_states() -> None:
    ledger = Ledger({0: Span(0, 1)})
    ledger.add_window(RecordId(0, 0), 1, 11, 12)
    ledger.add_dead_letter(RecordId(0, 0), RecordId(0, 0), [99], stubbed_value=12)
    assert ledger.report().wrong == {}
    ledger.add_dead_letter(RecordId(0, 1), RecordId(0, 0), [99], stubbed_value=13)
    assert ledger.report().wrong == {"duplicated": 1, "altered": 1}


def test_at_least_once_allows_duplicates_that_a_subscriber_can_deduplicate() -> None:
    def wrong(event: int) -> dict[str, int]:
        ledger = Ledger({0: Span(0, 1)})
        ledger.add_window(RecordId(0, 0), 1, 1, 1)
        for number, of_result in enumerate((7, event)):
            ledger.add_diagnosis(RecordId(0, number), RecordId(0, 0), 1, of_result, "s")
        return ledger.report("at-least-once").wrong

    assert wrong(event=7) == {}
    assert wrong(event=8) == {"relabelled": 1}


def test_a_report_as_json_has_partitions_and_offsets() -> None:
    report = Report(lost=1, samples={"lost": [Offender(RecordId(3, 4))]}, spans={3: (0, 5)})
    value = report.as_json()
    assert value["sound"] is False
    assert value["samples"] == {"lost": [{"window": {"partition": 3, "offset": 4}}]}
    assert value["spans"] == {"3": (0, 5)}
