"""`eddyline highlights`: a reel of the highlights of recordings, with music if wanted."""
