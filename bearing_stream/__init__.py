"""Diagnoses of rolling-element bearings out of Kafka."""
