"""Displays the diagnoses of a topic as a live table by sensor, or as JSON lines.

- `reader.DiagnosisReader` reads the committed diagnoses of the topic and changes nothing in Kafka;
- `statistics.SensorStatistics` aggregates them by sensor, in bounded memory, without Kafka;
- `view.render` formats a `Snapshot` of the statistics as a table.
"""
