"""The programs that are compared with the consumer; each is one process, stopped by SIGTERM.

All take the same options: servers, group, topic of windows and topic of diagnoses.
"""
