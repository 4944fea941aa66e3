"""Settings: one frozen object per command, from the command line, the environment and a file.

A command declares its settings once, as a subclass of `Settings` with a docstring under each field.
`options` makes the command's options from it, `load` reads the environment variables and the
settings file, `printable` leaves out the secrets, and `markdown_table` writes the table for the
docs.

One TOML file serves all commands. At its top level stand the keys that commands share, and the
table `[kafka]` of client properties; a section named like a command holds what only that command is
to read:

    bootstrap_servers = "kafka-1:9093"

    [kafka]
    "security.protocol" = "SSL"

    [consume]
    max_delay = 0.05

    [simulate]
    sensors = 100
    kafka = { "linger.ms" = "20" }

- A key of the command's section overrides the same key at the top level; a table is merged key by
  key. The environment overrides the file, and the command line overrides both.
- At the top level a command accepts its own settings, and skips the settings of several other
  commands. It refuses an unknown key and a setting that only one other command has: in a file for
  all commands that setting belongs in its section.
- It refuses an unknown section and an unknown key in its own section. Sections of other commands
  are checked when those commands run.
- The subcommands of a command share its section: `dead-letters redrive` reads `[dead-letters]`.
- A refusal names the nearest known name.
"""

from bearing_stream.config.base import ENVIRONMENT_PREFIX, Settings, load
from bearing_stream.config.command_line import from_command_line, options, setting_names
from bearing_stream.config.duration import Duration
from bearing_stream.config.file import SECTIONS, SHARED_KEYS, SettingsFileError, suggestion
from bearing_stream.config.table import markdown_table

__all__ = [
    "ENVIRONMENT_PREFIX",
    "SECTIONS",
    "SHARED_KEYS",
    "Duration",
    "Settings",
    "SettingsFileError",
    "from_command_line",
    "load",
    "markdown_table",
    "options",
    "setting_names",
    "suggestion",
]
