"""The lines that handle each fault of the chaos suite, and the tests that need them."""

from typing import Final

from tests.mutants.input_and_output import INPUT, LIVENESS, OUTPUT
from tests.mutants.mutant import Mutant

GUARANTEE: Final = "test_guarantee.py::test_exactly_once_with_any_failures"

CONSUMERS: Final = (
    Mutant(
        "SIGKILL in a transaction: offsets and diagnoses appear together",
        "consumer/delivery/exactly_once.py",
        "self._attempt(self._producer.commit_transaction, deadline)",
        "pass",
        "delivery/test_exactly_once.py::test_output_and_offsets_appear_together",
    ),
    Mutant(
        "SIGKILL: what was only polled is not committed",
        "consumer/kafka/clients.py",
        "enable_auto_commit=False,",
        "",
        "kafka/test_clients.py::test_both_guarantees_need_these_properties",
    ),
    Mutant(
        "SIGKILL: Kafka times out the transaction of a dead consumer",
        "consumer/kafka/clients.py",
        'properties.setdefault("transaction.timeout.ms", limit)',
        "pass",
        "kafka/test_clients.py::test_exactly_once_has_transactions_that_time_out",
    ),
    Mutant(
        "SIGKILL: a successor with the same instance id ends it at once",
        "consumer/kafka/clients.py",
        "settings.instance_id or uuid.uuid4().hex",
        "uuid.uuid4().hex",
        "test_consumer_settings.py::"
        "test_the_transactional_ids_are_stable_with_an_instance_id_and_random_without",
    ),
    Mutant(
        "SIGSTOP: a zombie is no longer a member",
        "consumer/kafka/source.py",
        'raise TransientKafkaError("the group has removed this consumer")',
        "pass",
        GUARANTEE,
    ),
    Mutant(
        "SIGSTOP: Kafka checks its generation",
        "consumer/delivery/exactly_once.py",
        "self._begin_to_add(offsets, self._group_metadata(), deadline)",
        "self._begin_to_add(offsets, None, deadline)",
        GUARANTEE,
    ),
    Mutant(
        "SIGSTOP: a zombie drops what is in flight when it has lost its partitions",
        "consumer/pipeline.py",
        'self._fail(TransientKafkaError("partitions were lost: the session ended"))',
        "pass",
        "test_trouble.py::test_a_zombie_that_joins_again_does_not_commit_what_was_in_flight",
    ),
    Mutant(
        "join and leave: what is in flight is committed before its partition is revoked",
        "consumer/kafka/source.py",
        "        self._listener.on_partitions_revoked()\n        self._remove",
        "        pass\n        self._remove",
        GUARANTEE,
    ),
    Mutant(
        "join and leave: messages of a partition revoked during their poll are ignored",
        "consumer/kafka/source.py",
        "if at is None or partition in just_resolved:",
        "if at is None:\n            return True\n        if partition in just_resolved:",
        GUARANTEE,
    ),
    Mutant(
        "join and leave: a partition that is assigned again starts at its committed offset",
        "consumer/kafka/positions.py",
        "self._positions |= dict.fromkeys(partitions)",
        "self._positions |= {p: self._positions.get(p) for p in partitions}",
        "kafka/test_positions.py::test_a_partition_that_is_assigned_again_is_unresolved",
    ),
    Mutant(
        "join and leave, classic: members keep their partitions",
        "consumer/kafka/clients.py",
        'properties.setdefault("partition.assignment.strategy", "cooperative-sticky")',
        "pass",
        "kafka/test_clients.py::test_members_keep_their_partitions_when_others_join_and_leave",
    ),
    Mutant(
        "join and leave, new protocol",
        "consumer/kafka/clients.py",
        "group_protocol=settings.group_protocol,",
        "",
        "kafka/test_clients.py::test_members_keep_their_partitions_when_others_join_and_leave",
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
        "broker restarted or killed: the consumer rewinds to the committed offsets",
        "consumer/pipeline.py",
        "            self._source.rewind()\n",
        "",
        GUARANTEE,
    ),
    Mutant(
        "broker restarted or killed: nothing from before the rewind is published after it",
        "consumer/pipeline.py",
        "        self._batch.clear()\n        self._batch.byte_limit",
        "        self._batch.byte_limit",
        GUARANTEE,
    ),
    Mutant(
        "broker killed: what Kafka left undecided is aborted",
        "consumer/delivery/exactly_once.py",
        "        if self.state is State.UNSETTLED:\n            self._"
        "settle(deadline)\n\n    def close",
        "        if self.state is State.UNSETTLED:\n            self._"
        "move(Event.SETTLED)\n\n    def close",
        "delivery/test_exactly_once.py::test_what_kafka_forgot_to_abort_is_not_committed_later",
    ),
    Mutant(
        "broker killed: what Kafka left out of a committed transaction is published again",
        "consumer/kafka/positions.py",
        "at.next = min(missing, default=committed)",
        "at.next = committed",
        "test_undecided_output.py::test_recovery_knows_every_transaction_that_may_be_undecided",
    ),
    Mutant(
        "broker killed: also if nothing was in flight",
        "consumer/delivery/exactly_once.py",
        "self._register(deadline, settles=bool(self._unreplicated))",
        "self._register(deadline, settles=False)",
        "delivery/test_exactly_once.py::test_a_recovery_decides_what_a_commit_left_undecided",
    ),
    Mutant(
        "broker restarted: a client that has stopped fetching is detected",
        "consumer/liveness/stall.py",
        "if self._found >= MAX_PROBES:",
        "if False:",
        "liveness/test_stall.py::test_windows_that_wait_while_none_is_delivered_are_fatal",
    ),
    Mutant(
        "broker restarted without its data: a consumer without partitions does not rewind",
        "consumer/kafka/resolver.py",
        "if tracker.log is not None and tracker.next:",
        "if tracker.log is not None:",
        "test_recreated_topics.py"
        "::test_a_consumer_without_partitions_waits_where_the_topic_is_made_anew",
    ),
    Mutant(
        "broker restarted without its data: a group that assigns nothing is detected",
        "consumer/liveness/probe.py",
        "    if not positions:\n",
        "    if False:\n",
        "liveness/test_probe.py::test_finds_that_a_group_assigns_no_partition_of_the_topic",
    ),
    Mutant(
        "leader lost: the error is transient",
        "bearing_stream/kafka/errors.py",
        "return (RetriableKafkaError if error.retriable() else "
        "TransientKafkaError)(explain(error))",
        "return FatalKafkaError(explain(error))",
        "test_trouble.py::test_the_error_is_transient",
    ),
    Mutant(
        "leader lost: a committed offset with an error is not used",
        "consumer/kafka/resolver.py",
        "raise classify(one.error)",
        "pass",
        "kafka/test_source.py::test_a_committed_offset_with_an_error_is_not_used",
    ),
    Mutant(
        "broker gone: the consumer waits",
        "consumer/pipeline.py",
        "except TransientKafkaError as error:\n            # Also",
        "except ZeroDivisionError as error:\n            # Also",
        "test_trouble.py::test_waits_for_minutes_and_hours_logs_it_once_and_continues",
    ),
    Mutant(
        "a rebalance: a first rewind that fails is repeated",
        "consumer/pipeline.py",
        "            self._recovering = True\n            self._failures += 1",
        "            self._failures += 1",
        "test_successors.py::test_a_successor_with_the_same_instance_id_completes_it",
    ),
    Mutant(
        "broker killed: no transaction overtakes one that is undecided",
        "consumer/delivery/exactly_once.py",
        "                self._leaders.check(timeout)\n",
        "                pass\n",
        GUARANTEE,
    ),
    Mutant(
        "broker gone: a call that does not return is abandoned",
        "consumer/liveness/deadline.py",
        "self._results.get(timeout=timeout)",
        "self._results.get()",
        "delivery/test_exactly_once.py::test_a_client_that_hangs_is_abandoned",
    ),
    Mutant(
        "broker gone: the pauses grow",
        "consumer/pipeline.py",
        "self._pause(min(FIRST_BACKOFF * 2**doublings, MAX_BACKOFF))",
        "pass",
        "test_pipeline.py::test_failures_without_a_commit_between_them_are_retried_with_"
        "growing_pauses",
    ),
    Mutant(
        "broker gone: logs that it waits",
        "consumer/pipeline.py",
        "emit(events.WAITING_FOR_KAFKA, reason=str(error))",
        "pass",
        "test_trouble.py::test_waits_for_minutes_and_hours_logs_it_once_and_continues",
    ),
    Mutant(
        "broker gone: logs what the client reports",
        "consumer/reporting.py",
        "events.emit(events.KAFKA_ERROR, kind=kind, detail=error.str())",
        "pass",
        "test_reporting.py::test_an_error_that_repeats_a_thousand_times_is_one_line_until_the_"
        "next_report",
    ),
    Mutant(
        "disk full: the error is transient",
        "consumer/pipeline.py",
        "        except TransientKafkaError as error:\n            self._fail(error)\n\n "
        "   def on_partitions_assigned",
        "        except ZeroDivisionError:\n            pass\n\n    def on_partitions_assigned",
        "test_trouble.py::test_the_error_is_transient",
    ),
)

TRANSACTIONS: Final = (
    Mutant(
        "aborted by the coordinator: a new producer continues",
        "consumer/delivery/exactly_once.py",
        "            self._turns.replace()\n",
        "",
        "test_trouble.py::test_a_transaction_that_kafka_aborted_is_repeated",
    ),
    Mutant(
        "aborted by the coordinator: the error is not fatal",
        "bearing_stream/kafka/errors.py",
        "if is_fatal(error) or error.code() in REFUSED:",
        "if is_fatal(error) or error.code() in REFUSED or error.fatal():",
        "test_trouble.py::test_a_transaction_that_kafka_aborted_is_repeated",
    ),
    Mutant(
        "produce fails: the message does not count as published",
        "consumer/delivery/base.py",
        "                raise classify(error) from None\n\n    def _is_taken",
        "                continue\n\n    def _is_taken",
        GUARANTEE,
    ),
    Mutant(
        "produce fails in flight: the flush reports it",
        "consumer/delivery/base.py",
        "            return served(call, timeout)\n        except KafkaException as failure:\n"
        "            raise classify(failure.args[0]) from None",
        "            return served(call, timeout)\n        except KafkaException:\n"
        "            return 0",
        "delivery/test_exactly_once.py::test_after_a_failure_nothing_is_there_and_the_"
        "next_delivery_works",
    ),
    Mutant(
        "produce fails in flight, at least once: the delivery report shows it",
        "consumer/delivery/at_least_once.py",
        "self._failed = error",
        "pass",
        "delivery/test_at_least_once.py::"
        "test_the_offset_of_a_message_that_was_not_acknowledged_is_not_committed",
    ),
    Mutant(
        "commit unknown: Kafka settles it before the offsets are fetched",
        "consumer/delivery/exactly_once.py",
        "            self._register(deadline, settles=bool(self._unreplicated))\n        if",
        "            self._move(Event.REGISTERED)\n        if",
        "delivery/test_exactly_once.py::test_a_commit_of_unknown_outcome_is_settled_by_a_"
        "new_producer",
    ),
    Mutant(
        "commit unknown, at least once: what is not acknowledged in time is not committed",
        "consumer/delivery/base.py",
        'raise TransientKafkaError(f"results were not acknowledged within {timeout:g} s")',
        "pass",
        "delivery/test_at_least_once.py::test_a_flush_that_hangs_fails_after_the_timeout",
    ),
)

TOPICS: Final = (
    Mutant(
        "retention overtakes: the gap is detected",
        "consumer/kafka/source.py",
        "self._check_gap(partition, at.next, offset)",
        "pass",
        "kafka/test_source.py::test_retention_overtakes_a_running_consumer",
    ),
    Mutant(
        "retention overtakes: a gap while the consumer was stopped is detected too",
        "consumer/kafka/resolver.py",
        "self.report_deleted(partition, committed.offset or 0, start.offset)",
        "pass",
        "kafka/test_source.py::test_windows_deleted_by_retention_are_counted_and_logged_once",
    ),
    Mutant(
        "retention overtakes: the gap is counted",
        "consumer/kafka/resolver.py",
        "self._metrics.skipped += begin - expected",
        "pass",
        "kafka/test_source.py::test_windows_deleted_by_retention_are_counted_and_logged_once",
    ),
    Mutant(
        "retention overtakes: the gap is logged once",
        "consumer/kafka/resolver.py",
        "self._reported[partition] = begin",
        "pass",
        "kafka/test_source.py::test_windows_deleted_by_retention_are_counted_and_logged_once",
    ),
    Mutant(
        "retention overtakes: the consumer stops if on_gap is stop",
        "consumer/kafka/resolver.py",
        "if self._stop_on_gap:",
        "if False:",
        "kafka/test_source.py::test_stops_at_a_gap_if_on_gap_is_stop",
    ),
    Mutant(
        "retention overtakes: the remaining windows are read",
        "consumer/kafka/resolver.py",
        "self._seek(partition, at.next)",
        "pass",
        "kafka/test_source.py::test_the_remaining_windows_are_read_wherever_the_client_began",
    ),
)

OTHERS: Final = (
    Mutant(
        "the clock jumps: durations do not use it",
        "consumer/pipeline.py",
        "now = self._clock()\n            for message",
        "now = time.time()\n            for message",
        "test_pipeline.py::test_a_wall_clock_that_jumps_changes_only_the_latencies",
    ),
    Mutant(
        "the clock jumps: nor do they by default",
        "consumer/pipeline.py",
        "clock: Callable[[], float] = time.monotonic,",
        "clock: Callable[[], float] = time.time,",
        "kafka/test_clients.py::test_durations_use_a_clock_that_does_not_jump",
    ),
    Mutant(
        "at least once: a repetition has the same ce_id",
        "consumer/results.py",
        "diagnosis_id(measurement.attributes, model.name, model.version)",
        "str(now)",
        "test_results.py::test_the_id_is_the_same_at_every_replay_and_another_for_another_model",
    ),
    Mutant(
        "at least once: offsets follow the acknowledgements",
        "consumer/delivery/at_least_once.py",
        "            self._flush(timeout)\n",
        "            pass\n",
        "delivery/test_at_least_once.py::test_offsets_follow_the_acknowledgements",
    ),
    Mutant(
        "at least once: offsets are committed again after a rebalance",
        "consumer/delivery/at_least_once.py",
        "if error.code() not in REBALANCING or self._clock() >= deadline:",
        "if True:",
        "delivery/test_at_least_once.py::"
        "test_offsets_are_committed_again_once_the_group_has_its_new_generation",
    ),
    Mutant(
        "the client hangs: the process ends",
        "consumer/liveness/watchdog.py",
        "self._end(1)",
        "pass",
        "liveness/test_watchdog.py",
    ),
)

MUTANTS: Final = CONSUMERS + BROKERS + TRANSACTIONS + TOPICS + OTHERS + INPUT + OUTPUT + LIVENESS
"""All of them, roughly in the order of the faults in `tools.chaos.suite`."""
