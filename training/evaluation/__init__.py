"""What the diagnoses are worth on bearings and loads that were set aside.

`folds` says what is set aside, `networks` fits and keeps the networks, `opinions` is every method's
answer to the windows of a fold, `candidates` the choice of a method inside the training folds,
`metrics` counts, `unknown` shows what is no bearing at all, `run` puts it together, and `result`,
`markdown` and `pictures` write it down.
"""
