"""Publishing diagnoses and committing offsets, exactly once or at least once."""
