"""The service: reads windows from Kafka, publishes diagnoses and dead letters, each exactly once.

The path of a window: poll → decode and check → batch → diagnose → publish → commit. All is on one
thread, but a full batch is examined in another (`model.examiner`). Each step is a small object:

- `kafka.source.WindowSource` polls the windows topic and follows the group's rebalances;
- `batch.Batch` decodes and checks into a preallocated buffer, and knows when it is due;
- `model.assessor.Assessor` assesses the windows of a batch together;
- `results.diagnoses` makes a diagnosis of each;
- `delivery.exactly_once.ExactlyOnce` or `delivery.at_least_once.AtLeastOnce` publishes them and
  commits the offsets;
- `pipeline.Pipeline` calls these in order, and rewinds to the committed offsets when a delivery
  fails.

`events` lists every log line, `metrics` every count.
"""
