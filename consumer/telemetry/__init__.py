"""What a stage reports of itself over HTTP.

- `listed` lists every metric; `loop_readings` takes the values of those that every stage has, and
  `readings` of those that only `consume` has;
- `observers` follow measurements: their ages, and which sensors send;
- `partitions` finds partitions that stand while others run;
- `health` decides what the probes report;
- `stage_telemetry` holds it together and puts it at a port, `served` for `consume`, and
  `worker_endpoint` for `--workers`.
"""
