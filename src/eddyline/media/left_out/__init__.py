"""Lists what a source contains and its asset omits: the field `left_out` of the manifest."""
