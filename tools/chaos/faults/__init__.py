"""The faults, one function each.

A function injects its fault `trial.order.times` times, and measures each recovery. When it is
called, the feed runs and there is no consumer. It must leave at least one consumer that runs or can
continue: the trial then waits until all windows are diagnosed, and checks the results.
"""
