"""Read NumPy's `.npy` files."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.formats.content import Content, Options
from bearing_stream.recordings.formats.libraries import reading
from bearing_stream.recordings.formats.variables import Leaf, Tree, content_of


def read_npy(path: Path, options: Options) -> Content:
    """Read an array of one to three dimensions, or one with named fields.

    Pickled objects are refused without being loaded.

    Raises:
        RecordingError: The file is truncated or damaged, or holds objects.
    """
    with reading(".npy", path):
        try:
            values = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            if "Python objects" not in str(error):
                raise
            raise RecordingError(
                f"{path}: the array holds Python objects, which are not read: save it as numbers, "
                "as with np.save(name, array.astype(float))"
            ) from error
    shape = "x".join(map(str, values.shape)) or "one number"
    if values.dtype.names:
        tree = Tree(path, f"NumPy array of {shape} with fields", word="field")
        tree.leaves.extend(Leaf(name, values[name]) for name in values.dtype.names)
        return content_of(tree, options)
    tree = Tree(path, f"NumPy array of {shape} {values.dtype}", word="channel")
    tree.leaves.append(Leaf("", values))
    content = content_of(tree, options)
    signals = (replace(s, name="", title=s.title.strip(), aliases=()) for s in content.signals)
    if len(content.signals) == 1:
        signals = (replace(signal, title="the array") for signal in signals)
    return replace(content, signals=tuple(signals))
