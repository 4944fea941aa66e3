"""Recordings replayed as a plant: what alarms each bearing raises, and whether they are right.

`recorded` divides recordings into bearings without judging by what was fitted, `diagnosed` takes
windows the way of `consume` without Kafka, `life` replays a bearing into the engine of alarms,
`outcome` compares its alarms with its diagnoses, and `command` reports.
"""
