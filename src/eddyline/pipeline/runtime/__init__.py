"""What job handlers share: sources, parts, scratch space and toolchains."""
