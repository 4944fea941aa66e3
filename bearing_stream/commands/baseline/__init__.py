"""`bearing-stream baseline`: fit what a healthy machine looks like."""
