"""Policies side by side: each tuned for the same deadline, over the same seeds, with intervals."""
