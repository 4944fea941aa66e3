"""The consumer compared with its peers, in one run: `python -m tools.bench.peers`, see README.md.

`contenders` lists what is compared, `installing` fetches the tools of the peers, `topics` feeds
them and reads what they wrote, `throughput` and `latency` measure one contender once, `results`
keeps every measurement in a file, `summary` draws the conclusions, and `picture` shows them.
"""
