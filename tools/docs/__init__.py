"""Generators of what the docs and the assets hold that comes from the code."""
