"""The faults, a function each: it injects its own `trial.order.times` times, and measures each.

It begins with windows coming and no consumer. It leaves at least one consumer that runs, or can;
what was left over is then diagnosed, and all of it checked.
"""
