"""What job handlers share: sources, parts, scratch directories and the composition of handlers."""
