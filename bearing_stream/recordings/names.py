"""Names of files as text."""

import os
from os import PathLike


def as_text(name: str | PathLike[str]) -> str:
    r"""Return a file's name as text that can be encoded: bytes that are not UTF-8 become `\xe9`.

    Linux allows any bytes in a name. Python decodes them to lone surrogates, which neither a sensor
    id, nor JSON, nor a terminal can contain.
    """
    return os.fsencode(name).decode(errors="backslashreplace")
