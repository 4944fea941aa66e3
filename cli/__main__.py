"""`python -m cli` is `bearing-stream`."""

from cli.main import main

main()
