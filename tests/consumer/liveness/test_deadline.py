"""A call that does not return is given up, and the next one is not kept waiting by it."""

import threading

import pytest

from bearing_stream.kafka.errors import TransientKafkaError
from consumer.liveness import budget
from consumer.liveness.deadline import DeadlineCaller


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "HANG", 0.05)


def test_all_calls_run_in_one_thread_with_their_arguments() -> None:
    caller, calls = DeadlineCaller(), []
    for number in range(3):
        caller.begin(lambda *given: calls.append((given, threading.get_ident())), number, 1.0)
        caller.wait(1.0)
    assert [given for given, _ in calls] == [(0, 1.0), (1, 1.0), (2, 1.0)]
    assert len({thread for _, thread in calls} - {threading.get_ident()}) == 1
    caller.close()


def test_what_a_call_raises_is_raised() -> None:
    def fails(_timeout: float) -> None:
        raise ValueError("why")

    caller = DeadlineCaller()
    for _ in range(2):
        caller.begin(fails, 1.0)
        with pytest.raises(ValueError, match="why"):
            caller.wait(1.0)


@pytest.mark.parametrize("is_awaited", [True, False])
def test_a_call_that_hangs_is_given_up_and_the_next_one_works(is_awaited: bool) -> None:
    released, ended = threading.Event(), threading.Event()

    def hangs(_timeout: float) -> None:
        threads.append(threading.current_thread())
        released.wait()
        ended.set()

    threads: list[threading.Thread] = []
    caller, called = DeadlineCaller(), threading.Event()
    caller.begin(hangs, 0.01)
    if is_awaited:
        with pytest.raises(TransientKafkaError, match=r"hangs beyond the 0\.01 s"):
            caller.wait(0.01)
    caller.begin(lambda _timeout: called.set(), 1.0)
    caller.wait(1.0)
    assert called.is_set()
    released.set()
    assert ended.wait(5)
    threads[0].join(5)
    assert not threads[0].is_alive()
