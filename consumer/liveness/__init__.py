"""Keeping the process alive, bounded and stoppable."""
