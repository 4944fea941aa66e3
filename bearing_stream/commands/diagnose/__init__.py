"""Diagnosing recordings in files: the quickest way to try it on a machine of one's own.

`verdict` is what is said of a recording, `view` how it is shown, and `command` reads the files.
"""
