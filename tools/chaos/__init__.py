"""Injects faults into the system, and checks that every window got one result.

- `suite` lists the faults and how often each is injected, and runs them one after the other; `plan`
  fits them into a given time;
- `trial.Trial` is one run: its own topics, a steady feed of windows, consumers as processes, and a
  check at the end; `alarm_trial.AlarmTrial` is one of the stage of alarms, with the same faults;
- `faults` holds one function for each fault;
- `results` writes the outcomes.

The check does not rely on the consumer's own counts: `bearing_stream.commands.verify` counts in the
topics.
"""
