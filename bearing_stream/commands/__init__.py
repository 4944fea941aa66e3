"""The commands of `bearing-stream`, a package each, named like it."""
