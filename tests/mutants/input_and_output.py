"""What handles the other ends of the consumer, and the tests that need it.

Logs that are not what they were, results that are refused or undecided, and what keeps it alive.
"""

from typing import Final

from tests.mutants.mutant import Mutant

INPUT: Final = (
    Mutant(
        "a topic made anew: its id is committed with the offset",
        "consumer/kafka/start.py",
        "if topic_id is not None and written_to is not None and written_to != topic_id:",
        "if False:",
        "test_recreated_topics.py::test_a_topic_made_anew_while_nobody_consumed_is_read_from_its_beginning",
    ),
    Mutant(
        "a topic made anew: a running consumer notices it",
        "consumer/kafka/source.py",
        "self._resolver.check_id(self._tracker)",
        "pass",
        "test_recreated_topics.py::test_windows_of_a_topic_made_anew_are_diagnosed",
    ),
    Mutant(
        "a topic made anew: the stale offset is replaced",
        "consumer/kafka/resolver.py",
        "if start.finding in (Finding.NEW, Finding.RECREATED)",
        "if start.finding is Finding.NEW",
        "test_recreated_topics.py::test_windows_of_a_topic_made_anew_are_diagnosed",
    ),
    Mutant(
        "a log cut off: what was written since is read",
        "consumer/kafka/start.py",
        "return Start(log.begin, Finding.TRUNCATED, committed.epoch)",
        "return Start(log.end, Finding.TRUNCATED)",
        "kafka/test_start.py",
    ),
    Mutant(
        "a log cut off: the leader epoch shows it",
        "consumer/kafka/source.py",
        "if at.is_rewritten(offset, epoch):",
        "if False:",
        "test_recreated_topics.py::test_windows_after_a_log_was_cut_off_are_diagnosed",
    ),
    Mutant(
        "transactional senders: what cannot be read is no lag",
        "consumer/kafka/source.py",
        "self._note_exhausted()\n        if self._is_suspect",
        "pass\n        if self._is_suspect",
        "test_pipeline.py::test_a_transactional_sender_makes_no_window_wait",
    ),
    Mutant(
        "retention: a message from before it is no gap",
        "consumer/kafka/source.py",
        "if expected < begin <= offset:",
        "if expected < begin:",
        "test_recreated_topics.py::test_windows_fetched_before_retention_moved_are_not_counted_as_lost",
    ),
    Mutant(
        "start from latest: the beginning is committed at once",
        "consumer/kafka/resolver.py",
        "        self._commit_starts(tracker, starts)\n",
        "",
        "test_recreated_topics.py::test_starting_at_the_latest_keeps_what_came_since_the_group_began",
    ),
    Mutant(
        "start from latest: all of a partition that is added",
        "consumer/kafka/start.py",
        'at_end = start_from == "latest" and group_is_new',
        'at_end = start_from == "latest"',
        "test_recreated_topics.py::test_starting_at_the_latest_keeps_all_of_a_partition_that_is_added",
    ),
)

OUTPUT: Final = (
    Mutant(
        "a dead letter that is refused: it becomes a stub",
        "consumer/pipeline.py",
        "self._dispatcher.write_as_stubs(error)",
        "pass",
        "test_refused_dead_letters.py::test_a_dead_letter_that_kafka_refuses_stops_nothing",
    ),
    Mutant(
        "a dead letter that is too large: it is not tried",
        "consumer/dispatcher.py",
        "letter.message(group, limit)",
        "letter.message(group)",
        "test_refused_dead_letters.py::test_a_dead_letter_that_kafka_refuses_stops_nothing",
    ),
    Mutant(
        "a dead letter whose stub is refused ends the process",
        "consumer/dispatcher.py",
        "if not refusal.origins.isdisjoint(self._refused):",
        "if False:",
        "test_refused_dead_letters.py::test_a_topic_that_refuses_the_stub_too_ends_the_run",
    ),
    Mutant(
        "two models on one topic: the model is compared",
        "consumer/delivery/published.py",
        "if (diagnosed.model.name, _network(diagnosed.model.version)) != "
        "(name, _network(version)):",
        "if False:",
        "test_undecided_output.py::test_the_diagnosis_of_another_model_is_not_taken_for_an_own_one",
    ),
    Mutant(
        "recovery: memory is bounded by what is new",
        "consumer/delivery/published.py",
        "firsts = reader.offsets_at(since)",
        "firsts = dict.fromkeys((n for n, _ in decided), 0)",
        "delivery/test_published.py::test_reads_from_the_time_on_that_the_note_states_less_what_clocks_differ",
    ),
    Mutant(
        "recovery: a partition that was never decided keeps nobody waiting",
        "consumer/delivery/published.py",
        "        if self._clock() < since + self._patience:",
        "        if True:",
        "delivery/test_published.py::test_what_stays_undecided_is_an_error_until_patience_ends_and_then_missing",
    ),
    Mutant(
        "recovery: each topic has its own patience",
        "consumer/delivery/published.py",
        "self._undecided_since.pop(topic, None)",
        "self._undecided_since.clear()",
        "delivery/test_published.py::test_what_stays_undecided_is_an_error_until_patience_ends_and_then_missing",
    ),
    Mutant(
        "recovery: only owned partitions are committed",
        "consumer/kafka/positions.py",
        "self._positions.pop(partition, None)",
        "pass",
        "kafka/test_positions.py::test_positions_go_with_their_partition",
    ),
    Mutant(
        "a transaction is bounded in bytes",
        "consumer/delivery/base.py",
        "(0 if self._bytes >= self.byte_limit else self._bounds.seconds)",
        "self._bounds.seconds",
        "delivery/test_exactly_once.py::test_a_commit_is_due_by_time_and_by_bytes",
    ),
    Mutant(
        "what did not get out in time is smaller the next time",
        "consumer/delivery/base.py",
        "self.byte_limit = max(min(self.byte_limit, self._bytes) // 2, LEAST_BYTES)",
        "pass",
        "delivery/test_exactly_once.py::test_what_did_not_get_out_in_time_is_tried_again_smaller",
    ),
    Mutant(
        "a replicated output: nothing is settled or read",
        "consumer/delivery/exactly_once.py",
        "settles=bool(self._unreplicated))\n        if",
        "settles=True)\n        if",
        "delivery/test_exactly_once.py::test_nothing_is_settled_where_the_output_is_replicated",
    ),
    Mutant(
        "an exit during recovery: the successor settles",
        "consumer/delivery/exactly_once.py",
        "settles=bool(self._unreplicated) and self._claims_predecessor",
        "settles=False",
        "delivery/test_exactly_once.py::test_a_successor_decides_before_it_publishes",
    ),
    Mutant(
        "an exit during recovery: the successor finds what is missing",
        "consumer/kafka/positions.py",
        "at.done = {offset for offset in done if offset >= at.next}",
        "pass",
        "test_successors.py::test_a_successor_with_the_same_instance_id_completes_it",
    ),
    Mutant(
        "a compacted topic: the records that settle have a key",
        "consumer/delivery/exactly_once.py",
        'Message(b"bearing-stream-settle", b"", [])',
        'Message(None, b"", [])',
        "delivery/test_exactly_once.py::test_records_that_settle_are_taken_by_a_compacted_topic",
    ),
    Mutant(
        "an illegal transition raises",
        "consumer/delivery/states.py",
        "raise RuntimeError(f\"no transition from {state} on '{event}'\") from None",
        "return state",
        "delivery/test_states.py",
    ),
    Mutant(
        "an assessment that fails: only its window is rejected",
        "consumer/assessing.py",
        "failures = dict(_failing(batch.samples, batch.accepted, 0, assessor))",
        'failures = dict.fromkeys(range(len(batch.accepted)), "")',
        "test_assessing.py::test_exactly_the_windows_that_fail_are_rejected",
    ),
    Mutant(
        "an assessment that fails always: the windows are not at fault",
        "consumer/assessing.py",
        "_check_assessor(assessor, error)\n    failures",
        "pass\n    failures",
        "test_assessing.py::test_an_assessor_that_always_fails_is_at_fault_itself",
    ),
    Mutant(
        "partitioned like Java clients",
        "consumer/kafka/clients.py",
        "partitioner=PARTITIONER,",
        "",
        "kafka/test_clients.py",
    ),
)

LIVENESS: Final = (
    Mutant(
        "a second signal ends the process at once",
        "consumer/liveness/shutdown.py",
        "    if again:",
        "    if False:",
        "liveness/test_shutdown.py::test_a_second_signal_ends_the_process_at_once",
    ),
    Mutant(
        "the watchdog shows where the threads are",
        "consumer/liveness/watchdog.py",
        "faulthandler.dump_traceback(all_threads=True)",
        "pass",
        "liveness/test_watchdog.py::test_the_process_that_hangs_shows_where_every_thread_is",
    ),
    Mutant(
        "the service starts the watchdog",
        "consumer/service.py",
        "self._watchdog.start()",
        "pass",
        "test_service.py::test_starts_the_watchdog_and_feeds_it_and_checks_for_stalls_in_every_round",
    ),
    Mutant(
        "the service feeds the watchdog",
        "consumer/service.py",
        "self._watchdog.feed()",
        "pass",
        "test_service.py::test_starts_the_watchdog_and_feeds_it_and_checks_for_stalls_in_every_round",
    ),
    Mutant(
        "the service checks for stalls",
        "consumer/service.py",
        "stall_check.check()",
        "pass",
        "test_service.py::test_starts_the_watchdog_and_feeds_it_and_checks_for_stalls_in_every_round",
    ),
    Mutant(
        "the stall check blocks no round",
        "consumer/liveness/stall.py",
        "self._start = start or in_thread",
        "self._start = start or (lambda f, *a: (f(*a), Future())[1])",
        "liveness/test_stall.py::test_a_probe_blocks_no_round",
    ),
    Mutant(
        "one thread serves all calls",
        "consumer/liveness/deadline.py",
        "        if self._worker is None:\n            self._worker = _Worker()\n        try",
        "        self._worker = _Worker()\n        try",
        "liveness/test_deadline.py::test_all_calls_run_in_one_thread_with_their_arguments",
    ),
    Mutant(
        "logged once in a period, not once in a life",
        "consumer/reporting.py",
        "        self._logged.clear()\n",
        "",
        "test_reporting.py",
    ),
    Mutant(
        "the deadlines add up",
        "consumer/liveness/budget.py",
        "return max(self.round, self.recovery) + 30.0",
        "return 80.0",
        "liveness/test_budget.py::test_what_a_consumer_does_ends_before_it_is_given_up",
    ),
    Mutant(
        "the first batch of a slow device",
        "consumer/batch.py",
        "INITIAL_CAPACITY: Final = 64",
        "INITIAL_CAPACITY: Final = 256",
        "test_pipeline.py::test_no_round_is_long_on_a_slow_device",
    ),
)
