"""Lists what a source contains and its asset does not carry."""
