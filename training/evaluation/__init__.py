"""Evaluation of the diagnoses on bearings and loads that were set aside.

`folds` defines what is set aside, `networks` fits and keeps the networks, `predictions` applies
every method to the windows of a fold, `candidates` chooses a method inside the training folds,
`metrics` scores, `unseen` counts the flags of bearings that a network was not trained on, `run`
puts the steps together, and `result`, `markdown` and `figures` report.
"""
