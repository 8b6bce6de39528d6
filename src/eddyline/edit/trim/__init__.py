"""`eddyline trim`: a range of a recording, exact to the frame."""
