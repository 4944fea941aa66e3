"""The same diagnoses by HTTP, with the interface that this network was first published with.

The way of a request: `app` reads its body within a limit of memory, `bodies` makes windows of it
or says what is wrong with which record, `batcher` brings together the requests that are there at
once, and `answers` assesses their windows and words the answers. Only the batcher's thread waits
for the network.
"""
