"""The consumer's side of Kafka: its clients, and the windows topic as a source."""
