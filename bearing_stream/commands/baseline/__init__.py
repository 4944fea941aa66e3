"""`bearing-stream baseline`: fit a baseline to recordings of a healthy machine."""
