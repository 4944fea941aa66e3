"""Fitting the network to recordings, and judging what came out.

`split` says which windows are for what, `windows` cuts them, `fit` trains, `judge` counts, `card`
and `figures` write it down. Every piece takes recordings and a seed, so that another protocol is
another split and nothing else.
"""
