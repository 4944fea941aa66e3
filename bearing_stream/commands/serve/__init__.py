"""The same diagnoses by HTTP, with the interface that this network was first published with.

A request passes through four modules: `app` reads its body within a memory limit, `bodies` decodes
its windows or names the invalid records, `batcher` combines concurrent requests, and `responses`
assesses their windows and builds the responses. Only the thread of the batcher waits for the
network.
"""
