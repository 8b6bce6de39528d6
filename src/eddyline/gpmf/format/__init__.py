"""The GPMF format: KLV items, their value types, compressed samples; reading and building."""
