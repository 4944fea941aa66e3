"""Settings: one frozen object a command, from the command line, the environment and a file.

A room declares its settings once, as a subclass of `Settings` with a docstring under each field.
From that alone come the command's options (`options`), the environment variables, the keys of the
settings file (`load`), the start-up printout without secrets and the table in the README.
"""

from bearing_stream.config.base import ENVIRONMENT_PREFIX, Settings, load
from bearing_stream.config.command_line import from_command_line, options
from bearing_stream.config.table import markdown_table

__all__ = [
    "ENVIRONMENT_PREFIX",
    "Settings",
    "from_command_line",
    "load",
    "markdown_table",
    "options",
]
