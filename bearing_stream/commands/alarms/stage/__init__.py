"""The stage: diagnoses in, alarms, events and state out, in one transaction with the offsets.

The loop, the clients and the delivery are those of the consumer. The state of a sensor is a record
in a compacted topic that carries the offset of the diagnosis that it reflects. A record is written
with every transition of an alarm of the sensor, and from time to time otherwise; the committed
offset is that from which on something may not be reflected yet. So after a restart some diagnoses
are read again, those that a record reflects have no effect, and going on is exact.
"""
