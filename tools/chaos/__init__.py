"""Breaks the system on purpose, and checks that every window was answered once.

- `suite` lists the faults, says how often each is injected, and runs them one after the other;
- `trial.Trial` is one run: topics of its own, windows that keep coming, consumers as processes, and
  the checker at its end;
- `faults` holds what is done to them, a function a fault;
- `results` keeps what came of it.

Nothing here asks the consumer what it did: `verification` counts in the topics.
"""
