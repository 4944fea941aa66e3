"""What a stage reports of itself: over HTTP, and pushed through OTLP.

- `listed` lists every metric; `loop_readings` takes the values of those that every stage has, and
  `readings` of those that only `consume` has;
- `observers` follow batches: the ages of their measurements, and which sensors send;
- `pushing` sets up what pushes through OTLP, and `spans` makes a span of each batch;
- `partitions` finds partitions that stand while others run;
- `health` decides what the probes report;
- `stage_telemetry` holds it together and puts it at a port, `served` for `consume`, and
  `worker_endpoint` for `--workers`.
"""
