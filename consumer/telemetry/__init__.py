"""What the consumer reports of itself over HTTP.

- `listed` lists every metric; `readings` takes their values;
- `observers` follow measurements: their ages, and which sensors send;
- `partitions` finds partitions that stand while others run;
- `health` decides what the probes report;
- `served` puts it at a port, and `worker_endpoint` does that for `--workers`.
"""
