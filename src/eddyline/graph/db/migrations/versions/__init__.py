"""One module a revision: `rNNNN_what_it_brings.py`."""
