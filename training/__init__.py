"""Fitting the network to recordings, and evaluating it.

`split` assigns windows to training, validation and test, `windows` cuts them, `fit` trains,
`novelty` fits the out-of-distribution score, `scoring` counts right and wrong diagnoses, `card`,
`markdown` and `figures` report, and `run` puts the steps together. Every step takes recordings and
a seed, so that another protocol needs only another split. `evaluation` has such protocols.
"""
