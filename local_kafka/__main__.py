"""`python -m local_kafka`."""

from local_kafka.command import command

command()
