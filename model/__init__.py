"""The network and the diagnoser: windows in, probabilities of each bearing state out.

`network` is the network itself, `scaling` what is done to a window before it, `checkpoint` its
weights on disk, and `diagnoser` the three put together. This room knows nothing of where windows
come from or where diagnoses go.
"""
