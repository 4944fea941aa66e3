"""One command that demonstrates the system: Kafka, simulator, consumer, live table and summary.

`stage` runs the real commands as processes, `alarm` lets a bearing fail, `account` counts
afterwards what the topics hold, and `summary` formats the counts for the terminal and for
`out/demo.json`.
"""
