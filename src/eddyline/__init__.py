"""Eddyline: transcodes camera recordings into verified, playable assets, on interruptible machines."""

import os

# For each further processor OpenBLAS starts a thread, which waits for work busily, by default for 2**26 clock
# cycles: 30 to 70 ms of CPU time each whenever a program imports NumPy. So they sleep at once, until there is
# work. The variable is read when NumPy is loaded.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

__version__ = "0.1.0"
