"""`python -m tools.bench.peers`."""

from tools.bench.peers.command import command

command()
