"""The fleet record in SQL: instances, the events about them, and samples of the pools' capacity."""
