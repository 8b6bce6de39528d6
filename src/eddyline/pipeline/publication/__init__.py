"""The manifest and the check of published assets."""
