"""`bearing-stream alarms notify`: passes the events of alarms on to people and other programs.

It stands next to the stage, since like the stage it reads one topic of alarms in a loop, and
nothing else in the project needs it. What knows Kafka (`kafka_source`, `service`) is apart from the
way to a receiver (`receivers`, `senders`, `loop`, `pace`), so that each is tested alone.

    events topic ─ source ─ filter ─┬─ sender ─ accepted ─ commit      a thread, a consumer and a
                                    └─ summary, while the limit lasts  group for each receiver
"""
