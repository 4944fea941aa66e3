"""Measurements: what the pipeline does on a real Kafka, and beside what. See README.md."""
