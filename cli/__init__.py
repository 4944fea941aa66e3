"""The roof: puts the rooms' subcommands together under `bearing-stream`, and loads each late."""
