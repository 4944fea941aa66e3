"""`python -m bearing_stream` is `bearing-stream`."""

from bearing_stream.cli import main

main()
