"""How many sensors this machine carries: `bearing-stream capacity`.

`stage` provides Kafka and topics, and runs the simulator and the consumer; `measuring` lets the
consumer process a backlog and takes its rate and what it costs; `conclusion` makes sensors of it;
`processor` reads processor times from `/proc`.
"""
