"""What a stage reports of itself over HTTP.

- `listed` lists every metric; `loop_readings` takes the values of those that every stage has, and
  `readings` of those that only `consume` has;
- `observers` follow measurements: their ages, and which sensors send;
- `partitions` finds partitions that stand while others run;
- `health` decides what the probes report;
- `stage_telemetry` holds it together for a stage, and `served` for `consume`, with its place at a
  port; `worker_endpoint` does that for `--workers`.
"""
