"""Eddyline: transcodes camera recordings into verified, playable assets, on interruptible machines."""

import os

# OpenBLAS starts a thread for each further processor. Its handler of fork() ends these threads, and never
# returns if another thread multiplies matrices at that moment: the process could start no program after that.
# The threads also wait for work busily. The variable is read when NumPy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
