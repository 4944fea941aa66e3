"""Generators of the parts of the documentation and the assets that come from the code."""
