"""One module per revision, named `rNNNN_what_it_adds.py`."""
