"""The progress of assets: fraction, stage, remaining time and the reason why nothing happens."""
