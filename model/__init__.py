"""From windows to assessments: probabilities of each bearing state, novelty and quality flags.

`assessor` is the entry point, and puts the rest together: `diagnoser` runs the network (`network`,
`scaling`, `checkpoint`, `novelty`), `quality` checks the signal, `physics` measures the bearing's
lines, and `sensors` is the table of what is known of each sensor. `grouping` averages over the
windows of a measurement. `findings` turns an assessment into the fields of a diagnosis. The package
does not depend on Kafka.
"""
