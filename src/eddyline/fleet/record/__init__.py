"""The fleet record: instances from events about them, interruption rates and savings. Pure."""
