"""The books agree with a naive model that keeps everything, whatever windows and answers come."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.commands.verify.ledger import Ledger
from bearing_stream.commands.verify.report import ASIDE, MEANING, Offender, Place, Report
from bearing_stream.kafka import Span

PARTITIONS = 2
RANGE = Span(10, 18)
HELD = Span(8, 24)
"""What the topic holds by the time that answers are read: more on both sides than the range."""

PLACES = st.builds(Place, st.integers(0, PARTITIONS), st.integers(5, 27))
IN_RANGE = st.builds(Place, st.integers(0, PARTITIONS - 1), st.integers(10, 17))
HASHES = st.integers(1, 3)


@dataclass(frozen=True)
class Window:
    identity: int
    content: int


@dataclass(frozen=True)
class Diagnosis:
    claim: Place
    identity: int
    event: int
    out: int


@dataclass(frozen=True)
class DeadLetter:
    claim: Place
    content: int


WINDOWS = st.dictionaries(IN_RANGE, st.builds(Window, st.integers(0, 3), HASHES), max_size=16)
DIAGNOSES = st.builds(Diagnosis, PLACES, st.integers(0, 3), HASHES, st.integers(0, 1))
DEAD_LETTERS = st.builds(DeadLetter, PLACES, HASHES)


def books(windows: dict[Place, Window], samples: int = 10) -> Ledger:
    ledger = Ledger(dict.fromkeys(range(PARTITIONS), RANGE), samples)
    for at, window in windows.items():
        ledger.window(at, window.identity, window.content)
    ledger.exists(dict.fromkeys(range(PARTITIONS), HELD))
    return ledger


def enter(ledger: Ledger, answer: Diagnosis | DeadLetter, number: int) -> None:
    if isinstance(answer, DeadLetter):
        ledger.dead_letter(Place(0, number), answer.claim, [answer.content])
    else:
        at = Place(answer.out, number)
        ledger.diagnosis(at, answer.claim, answer.identity, answer.event, answer.identity)


def naive(windows: dict[Place, Window], answers: list[Diagnosis | DeadLetter]) -> Counter[str]:
    """Counts by name of a report's field, from dictionaries of everything."""
    found: Counter[str] = Counter(windows=len(windows))
    accepted: defaultdict[Place, list[Diagnosis]] = defaultdict(list)
    letters: Counter[Place] = Counter()
    lines: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for answer in answers:
        claim, window = answer.claim, windows.get(answer.claim)
        if window is None:
            if claim.partition >= PARTITIONS or not 0 <= claim.offset < HELD.end:
                found["unknown"] += 1
            elif claim.offset < RANGE.start:
                found["before"] += 1
            else:
                found["after" if claim.offset >= RANGE.end else "unknown"] += 1
        elif isinstance(answer, DeadLetter):
            letters[claim] += 1
            found["altered"] += answer.content != window.content
        elif not answer.identity or answer.identity != window.identity:
            found["unknown"] += 1
        else:
            if not accepted[claim]:
                line = lines[answer.identity, claim.partition, answer.out]
                found["out_of_order"] += any(claim.offset < earlier for earlier in line)
                line.append(claim.offset)
            accepted[claim].append(answer)
    diagnosed = {place for place, of_place in accepted.items() if of_place}
    found["diagnosed"], found["dead_letters"] = len(diagnosed), len(letters)
    found["lost"] = len(windows.keys() - diagnosed - letters.keys())
    found["both"] = len(diagnosed & letters.keys())
    found["duplicated"] = sum(len(accepted[place]) - 1 for place in diagnosed)
    found["duplicated"] += letters.total() - len(letters)
    found["relabelled"] = sum(
        later.event != of_place[0].event for of_place in accepted.values() for later in of_place[1:]
    )
    return found


@given(WINDOWS, st.lists(DIAGNOSES | DEAD_LETTERS, max_size=40))
def test_the_books_agree_with_a_naive_model(
    windows: dict[Place, Window], answers: list[Diagnosis | DeadLetter]
) -> None:
    ledger = books(windows)
    for number, answer in enumerate(answers):
        enter(ledger, answer, number)

    report = ledger.report()

    expected = naive(windows, answers)
    fields = ("windows", "diagnosed", "dead_letters", *MEANING, *ASIDE)
    assert {name: getattr(report, name) for name in fields} == {
        name: expected[name] for name in fields
    }
    assert report.wrong == {name: expected[name] for name in MEANING if expected[name]}
    assert ledger.unanswered == report.lost


@given(WINDOWS)
def test_one_answer_to_each_window_in_order_is_sound(windows: dict[Place, Window]) -> None:
    ledger = books(windows)
    for number, (at, window) in enumerate(sorted(windows.items())):
        if window.identity:
            enter(ledger, Diagnosis(at, window.identity, 1, at.partition), number)
        else:
            enter(ledger, DeadLetter(at, window.content), number)

    assert ledger.report().wrong == {}


@given(WINDOWS, st.lists(DIAGNOSES | DEAD_LETTERS, max_size=40), st.integers(0, 3))
def test_no_more_offenders_are_kept_than_asked_for(
    windows: dict[Place, Window], answers: list[Diagnosis | DeadLetter], samples: int
) -> None:
    ledger = books(windows, samples)
    for number, answer in enumerate(answers):
        enter(ledger, answer, number)

    report = ledger.report()

    named = {name: len(report.samples.get(name, [])) for name in MEANING}
    assert named == {name: min(getattr(report, name), samples) for name in MEANING}
    assert all(offender.window in windows for offender in report.samples.get("lost", []))


def test_what_was_deleted_before_it_was_read_is_not_unknown() -> None:
    ledger = Ledger({0: Span(0, 10)})
    ledger.exists({0: Span(4, 10)})

    ledger.diagnosis(Place(0, 0), Place(0, 3), 1, 1, "s")
    ledger.diagnosis(Place(0, 1), Place(0, 4), 1, 1, "s")

    report = ledger.report()
    assert (report.before, report.unknown) == (1, 1)


def test_a_partition_that_was_added_since_is_after_the_range() -> None:
    ledger = Ledger({0: Span(0, 1)})
    ledger.exists({0: Span(0, 1), 1: Span(0, 5)})

    ledger.diagnosis(Place(0, 0), Place(1, 4), 1, 1, "s")
    ledger.diagnosis(Place(0, 1), Place(1, 5), 1, 1, "s")

    report = ledger.report()
    assert (report.after, report.unknown) == (1, 1)


def test_the_dead_letter_of_a_dead_letter_that_was_sent_again_as_it_was() -> None:
    """It claims the first original's place, and is told by its content."""
    ledger = Ledger({0: Span(0, 2)})
    first, again = 11, 12
    ledger.window(Place(0, 0), 1, first)
    ledger.window(Place(0, 1), 1, again, marked=True)

    for number in range(2):
        ledger.dead_letter(Place(0, number), Place(0, 0), [first, again])

    assert ledger.report().wrong == {}
    ledger.dead_letter(Place(0, 2), Place(0, 0), [first, again])
    assert ledger.report().wrong == {"duplicated": 1}


def test_at_least_once_may_repeat_what_can_be_deduplicated() -> None:
    def wrong(event: int) -> dict[str, int]:
        ledger = Ledger({0: Span(0, 1)})
        ledger.window(Place(0, 0), 1, 1)
        for number, of_answer in enumerate((7, event)):
            ledger.diagnosis(Place(0, number), Place(0, 0), 1, of_answer, "s")
        return ledger.report("at-least-once").wrong

    assert wrong(event=7) == {}
    assert wrong(event=8) == {"relabelled": 1}


def test_a_report_as_json_names_places() -> None:
    report = Report(lost=1, samples={"lost": [Offender(Place(3, 4))]}, spans={3: (0, 5)})
    value = report.as_json()
    assert value["sound"] is False
    assert value["samples"] == {"lost": [{"window": {"partition": 3, "offset": 4}}]}
    assert value["spans"] == {"3": (0, 5)}
