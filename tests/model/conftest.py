"""A profile of hypothesis for `test_processors.py`, which runs the numeric tests several times."""

from hypothesis import settings

settings.register_profile("few-examples", max_examples=15, deadline=None, derandomize=True)
