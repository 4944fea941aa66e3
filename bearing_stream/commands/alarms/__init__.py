"""Alarms: a stage on Kafka that raises them, and what operators do with them.

- `stage` reads diagnoses and writes alarms, exactly once, with the loop of the consumer;
- `topics` creates and checks the topics, `reading` reads them, and `command` is the command line.
"""
