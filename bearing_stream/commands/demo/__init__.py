"""One command that shows all of it: a Kafka, the simulator, the consumer, a live table, a summary.

`stage` runs the real commands as processes, `account` counts afterwards what the topics hold, and
`summary` says it, in words and in `out/demo.json`.
"""
