"""The service: windows out of Kafka, diagnoses and dead letters into it, each exactly once.

The way of a window, all on one thread: poll → decode and check → batch → diagnose → publish →
commit. Each step is a small object:

- `source.WindowSource` polls the windows topic and follows the group's rebalances;
- `batch.Batch` decodes and checks into a preallocated buffer, and knows when it is due;
- `model.Diagnoser` diagnoses a batch in one forward pass;
- `answers.diagnoses` words the diagnoses of a batch;
- `transactions.Transactions` or `flushes.Flushes` publishes them and commits the offsets;
- `pipeline.Pipeline` walks the way, and winds back to the committed offsets when delivery fails.
"""
