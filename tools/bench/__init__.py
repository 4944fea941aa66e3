"""Measurements of the pipeline on a real Kafka, and of what it is compared with. See README.md."""
