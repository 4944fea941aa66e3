"""Reads the signals of a file of any format, with what the file states about them.

`kinds` finds the format from the content and calls its reader. Each reader returns a `Content`: the
signals of the file, which are read when one is chosen (`choice`). For text, `layout` finds the
dialect, `table` the signals, and `rows` reads the numbers. `variables` reads the trees of MATLAB,
HDF5 and NumPy files; `arrays` divides a matrix into signals; `time_axis` and `names` find a
sampling rate and a unit.
"""
