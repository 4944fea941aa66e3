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
        caller.call(lambda *given: calls.append((given, threading.get_ident())), number, 1.0)
    assert [given for given, _ in calls] == [(0, 1.0), (1, 1.0), (2, 1.0)]
    assert len({thread for _, thread in calls} - {threading.get_ident()}) == 1
    caller.close()


def test_what_a_call_raises_is_raised() -> None:
    def fails(_timeout: float) -> None:
        raise ValueError("why")

    with pytest.raises(ValueError, match="why"):
        DeadlineCaller().call(fails, 1.0)


def test_a_call_that_hangs_is_given_up_and_the_next_one_works() -> None:
    released, ended = threading.Event(), threading.Event()

    def hangs(_timeout: float) -> None:
        threads.append(threading.current_thread())
        released.wait()
        ended.set()

    threads: list[threading.Thread] = []
    caller, called = DeadlineCaller(), threading.Event()
    with pytest.raises(TransientKafkaError, match=r"hangs beyond the 0\.01 s"):
        caller.call(hangs, 0.01)
    caller.call(lambda _timeout: called.set(), 1.0)
    assert called.is_set()
    released.set()
    assert ended.wait(5)
    threads[0].join(5)
    assert not threads[0].is_alive()
