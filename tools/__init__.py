"""Tools of the developers, not installed: benchmarks, faults, generators of docs and schema."""
