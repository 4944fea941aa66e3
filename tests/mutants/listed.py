"""Fault by fault, the lines that handle it: the list behind `tests/README.md`."""

from typing import Final

from tests.mutants.mutant import Mutant

GUARANTEE: Final = "test_guarantee.py::test_exactly_once_whatever_happens"

CONSUMERS: Final = (
    Mutant(
        "SIGKILL in a transaction: offsets and diagnoses appear together",
        "consumer/delivery/exactly_once.py",
        "self._attempt(self._producer.commit_transaction, deadline=deadline)",
        "pass",
        "delivery/test_exactly_once.py::test_output_and_offsets_appear_together",
    ),
    Mutant(
        "SIGKILL: what was only polled is not committed",
        "consumer/kafka/clients.py",
        "enable_auto_commit=False,",
        "",
        "kafka/test_clients.py::test_whatever_the_guarantee",
    ),
    Mutant(
        "SIGKILL: Kafka ends the transaction of the dead",
        "consumer/kafka/clients.py",
        'properties.setdefault("transaction.timeout.ms", '
        "round(settings.transaction_timeout * 1000))",
        "pass",
        "kafka/test_clients.py::test_exactly_once_has_transactions_that_time_out",
    ),
    Mutant(
        "SIGKILL: a successor of the same name ends it at once",
        "consumer/kafka/clients.py",
        "settings.instance_id or uuid.uuid4().hex",
        "uuid.uuid4().hex",
        "test_consumer_settings.py::"
        "test_the_transactional_id_is_stable_with_an_instance_id_and_else_its_own",
    ),
    Mutant(
        "SIGSTOP: a zombie is no member any more",
        "consumer/kafka/source.py",
        'raise Undelivered("the group has put this consumer out")',
        "pass",
        GUARANTEE,
    ),
    Mutant(
        "SIGSTOP: Kafka checks its generation",
        "consumer/delivery/exactly_once.py",
        "self._offer(positions, self._group_metadata(), deadline)",
        "self._offer(positions, None, deadline)",
        GUARANTEE,
    ),
    Mutant(
        "SIGSTOP: a zombie gives up what it has, told that it is one",
        "consumer/pipeline.py",
        'self._fail(Undelivered("partitions were lost to another consumer"))',
        "pass",
        "test_trouble.py::test_a_zombie_that_is_a_member_again_does_not_commit_what_it_had",
    ),
    Mutant(
        "join and leave: what is in flight is finished before its partition goes",
        "consumer/kafka/source.py",
        "self._drain()\n        self._owned -=",
        "self._owned -=",
        GUARANTEE,
    ),
    Mutant(
        "join and leave: of a partition that went inside the same poll, nothing",
        "consumer/kafka/source.py",
        "partition not in self._owned or ",
        "",
        GUARANTEE,
    ),
    Mutant(
        "join and leave: a partition that comes back begins anew",
        "consumer/kafka/source.py",
        "self._next.pop(partition, None)",
        "pass",
        GUARANTEE,
    ),
    Mutant(
        "join and leave, classic: what stays theirs is kept",
        "consumer/kafka/clients.py",
        'properties.setdefault("partition.assignment.strategy", "cooperative-sticky")',
        "pass",
        "kafka/test_clients.py::test_members_keep_what_stays_theirs_when_others_come_and_go",
    ),
    Mutant(
        "join and leave, new protocol",
        "consumer/kafka/clients.py",
        "group_protocol=settings.group_protocol,",
        "",
        "kafka/test_clients.py::test_members_keep_what_stays_theirs_when_others_come_and_go",
    ),
    Mutant(
        "join and leave, static",
        "consumer/kafka/clients.py",
        'properties.setdefault("group.instance.id", settings.instance_id)',
        "pass",
        "kafka/test_clients.py::test_a_named_consumer_is_a_static_member",
    ),
)

BROKERS: Final = (
    Mutant(
        "broker restarted or killed: back to the committed offsets",
        "consumer/pipeline.py",
        "            self._source.rewind()\n",
        "",
        GUARANTEE,
    ),
    Mutant(
        "broker restarted or killed: nothing of before is published later",
        "consumer/pipeline.py",
        "        self._batch.clear()\n        self._uncommitted = Uncommitted()\n",
        "        self._uncommitted = Uncommitted()\n",
        GUARANTEE,
    ),
    Mutant(
        "broker killed: what Kafka left undecided is aborted",
        "consumer/delivery/exactly_once.py",
        "self._sweep(timeout)",
        "pass",
        "delivery/test_exactly_once.py::test_what_kafka_forgot_to_abort_is_not_committed_later",
    ),
    Mutant(
        "broker killed: what Kafka left out of a committed transaction is published again",
        "consumer/delivery/exactly_once.py",
        "self._complete(timeout)",
        "pass",
        "delivery/test_exactly_once.py::test_what_kafka_left_out_of_a_commit_is_published_again",
    ),
    Mutant(
        "broker killed: also where nothing was in flight",
        "consumer/delivery/exactly_once.py",
        "(self.opened_at is not None or self._journal.is_in_doubt)",
        "self.opened_at is not None",
        "delivery/test_exactly_once.py::"
        "test_what_kafka_left_undecided_is_settled_also_where_nothing_is_in_flight",
    ),
    Mutant(
        "broker restarted: a client that fetches nothing any more is noticed",
        "consumer/liveness/stall.py",
        "if self._found >= LOOKS:",
        "if False:",
        "liveness/test_stall.py::test_ends_where_windows_wait_and_none_comes",
    ),
    Mutant(
        "leader lost: the error passes",
        "consumer/delivery/base.py",
        "return Undelivered(explain(error), retriable=error.retriable(), fenced=fenced)",
        "return FatalKafkaError(explain(error))",
        "test_trouble.py::test_it_passes",
    ),
    Mutant(
        "leader lost: an error beside a committed offset is none",
        "consumer/kafka/source.py",
        "raise KafkaException(answer.error)",
        "pass",
        "kafka/test_source.py::test_an_error_beside_a_committed_offset_is_not_taken_for_an_offset",
    ),
    Mutant(
        "broker gone: waits",
        "consumer/pipeline.py",
        "except Undelivered as still:",
        "except ZeroDivisionError as still:",
        "test_trouble.py::test_waits_for_minutes_says_so_and_goes_on",
    ),
    Mutant(
        "broker gone: a call that does not return is left behind",
        "consumer/liveness/deadline.py",
        "outcome.get(timeout=timeout + GRACE)",
        "outcome.get()",
        "delivery/test_exactly_once.py::test_a_client_that_hangs_is_left_behind",
    ),
    Mutant(
        "broker gone: not in a hurry",
        "consumer/pipeline.py",
        "self._sleep(min(FIRST_BACKOFF * 2 ** (self._failures - 2), LONGEST_BACKOFF))",
        "pass",
        "test_pipeline.py::"
        "test_failures_without_a_commit_between_them_are_retried_ever_more_slowly",
    ),
    Mutant(
        "broker gone: says so",
        "consumer/pipeline.py",
        'self._log.warning("waiting for Kafka", reason=str(still))',
        "pass",
        "test_trouble.py::test_waits_for_minutes_says_so_and_goes_on",
    ),
    Mutant(
        "broker gone: says what the client reports",
        "consumer/reporting.py",
        'self._log.warning("Kafka reports trouble; waiting for it to pass", error=error.str())',
        "pass",
        "test_reporting.py::test_an_error_that_comes_a_thousand_times_is_one_line_until_the_"
        "next_report",
    ),
    Mutant(
        "disk full: the error passes",
        "consumer/pipeline.py",
        "        except Undelivered as undelivered:\n"
        "            self._fail(undelivered)\n\n    def drain",
        "        except ZeroDivisionError:\n            pass\n\n    def drain",
        "test_trouble.py::test_it_passes",
    ),
)

TRANSACTIONS: Final = (
    Mutant(
        "aborted by the coordinator: a new producer goes on",
        "consumer/delivery/exactly_once.py",
        "self._swept = False\n            self._replace_producer()\n",
        "self._swept = False\n",
        "test_trouble.py::test_a_transaction_that_kafka_aborted_is_done_again",
    ),
    Mutant(
        "aborted by the coordinator: no reason to end",
        "consumer/delivery/base.py",
        "if is_fatal(error) or error.code() in REFUSED:",
        "if is_fatal(error) or error.code() in REFUSED or error.fatal():",
        "test_trouble.py::test_a_transaction_that_kafka_aborted_is_done_again",
    ),
    Mutant(
        "produce fails: what was asked for is not taken for done",
        "consumer/delivery/base.py",
        "raise _refusal(failure.args[0], topic) from None",
        "return",
        GUARANTEE,
    ),
    Mutant(
        "produce fails on its way: told by the flush",
        "consumer/delivery/base.py",
        "            return call(timeout)\n        except KafkaException as failure:\n"
        "            raise verdict(failure.args[0]) from None",
        "            return call(timeout)\n        except KafkaException:\n            return 0",
        "delivery/test_exactly_once.py::test_after_a_failure_nothing_is_there_and_the_next_delivery_works",
    ),
    Mutant(
        "produce fails on its way, at least once: told by its report",
        "consumer/delivery/at_least_once.py",
        "self._failed = error",
        "pass",
        "delivery/test_at_least_once.py::"
        "test_a_message_that_was_not_acknowledged_keeps_its_offset_from_being_committed",
    ),
    Mutant(
        "commit unknown: Kafka settles it before the offsets are asked for",
        "consumer/delivery/exactly_once.py",
        "            self._initialise_again(timeout)\n",
        "            pass\n",
        "delivery/test_exactly_once.py::test_a_commit_of_unknown_outcome_is_settled_by_a_new_producer",
    ),
    Mutant(
        "commit unknown, at least once: not acknowledged in time is not committed",
        "consumer/delivery/at_least_once.py",
        'raise Undelivered(f"diagnoses were not acknowledged within {timeout:g} s")',
        "pass",
        "delivery/test_at_least_once.py::test_what_hangs_is_given_up_after_the_timeout",
    ),
)

TOPICS: Final = (
    Mutant(
        "retention overtakes: it is noticed",
        "consumer/kafka/source.py",
        "self._note_gap(partition, expected, begins)",
        "pass",
        "kafka/test_source.py::test_retention_overtakes_a_consumer_that_runs",
    ),
    Mutant(
        "retention overtakes: a consumer that was stopped, too",
        "consumer/kafka/source.py",
        "if 0 <= answer.offset <= begun[partition]:",
        "if False:",
        "kafka/test_source.py::test_what_retention_deleted_before_it_came_there_is_counted_and_told_once",
    ),
    Mutant(
        "retention overtakes: it is counted",
        "consumer/kafka/source.py",
        "self._metrics.skipped += begins - expected",
        "pass",
        "kafka/test_source.py::test_what_retention_deleted_before_it_came_there_is_counted_and_told_once",
    ),
    Mutant(
        "retention overtakes: it is told once",
        "consumer/kafka/source.py",
        "self._gone[partition] = begins",
        "pass",
        "kafka/test_source.py::test_what_retention_deleted_before_it_came_there_is_counted_and_told_once",
    ),
    Mutant(
        "retention overtakes: it stops, if it is to",
        "consumer/kafka/source.py",
        'if self._on_gap == "stop":',
        "if False:",
        "kafka/test_source.py::test_stops_at_what_retention_deleted_if_it_is_to",
    ),
    Mutant(
        "retention overtakes: what is left comes",
        "consumer/kafka/source.py",
        "self._seek_back(partition, begins)",
        "pass",
        "kafka/test_source.py::test_what_is_left_comes_though_the_client_went_to_the_end",
    ),
    Mutant(
        "a topic vanishes: the error passes",
        "consumer/delivery/base.py",
        "return verdict(error)",
        "return FatalKafkaError(explain(error))",
        "test_trouble.py::test_it_passes",
    ),
)

OTHERS: Final = (
    Mutant(
        "the clock jumps: durations do not go by it",
        "consumer/pipeline.py",
        "now = self._clock()\n            for message",
        "now = self._wall_clock()\n            for message",
        "test_pipeline.py::test_a_wall_clock_that_jumps_changes_nothing_but_what_it_says",
    ),
    Mutant(
        "the clock jumps: nor do they where nothing else is said",
        "consumer/pipeline.py",
        "clock: Callable[[], float] = time.monotonic,",
        "clock: Callable[[], float] = time.time,",
        "kafka/test_clients.py::test_durations_go_by_a_clock_that_does_not_jump",
    ),
    Mutant(
        "at least once: a repetition has the same ce_id",
        "consumer/results.py",
        "diagnosis_id(window.attributes, model.name, model.version)",
        "str(now)",
        "test_results.py::test_the_id_is_the_same_at_every_replay_and_another_for_another_model",
    ),
    Mutant(
        "at least once: offsets follow the acknowledgements",
        "consumer/delivery/at_least_once.py",
        "if self._serve(self._producer.flush, timeout):",
        "if False:",
        "delivery/test_at_least_once.py::test_offsets_follow_the_acknowledgements",
    ),
    Mutant(
        "the client hangs: the process ends",
        "consumer/liveness/watchdog.py",
        "self._end(1)",
        "pass",
        "liveness/test_watchdog.py",
    ),
)

MUTANTS: Final = CONSUMERS + BROKERS + TRANSACTIONS + TOPICS + OTHERS
"""All of them, in the order of the faults in `tools.chaos.suite`, about."""
