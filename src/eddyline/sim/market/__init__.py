"""Markets: where Spot capacity was available, when it was reclaimed, and with how much notice."""
