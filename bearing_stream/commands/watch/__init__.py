"""Seeing it: the diagnoses of a topic as a live table by sensor, or as JSON lines.

- `reader.DiagnosisReader` reads the topic's committed diagnoses and leaves no trace on the broker;
- `tally.Tally` keeps what a table needs of each sensor, in bounded memory, and knows no Kafka;
- `view.render` makes a table of a tally's `Snapshot`.
"""
