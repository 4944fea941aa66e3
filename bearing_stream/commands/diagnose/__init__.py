"""Diagnoses recordings in files, without Kafka.

`recording_diagnosis` assesses the windows of a recording, `view` formats the result, and `command`
reads the files.
"""
