"""Source files: detection, probing, remuxing to MP4, and the facts that later steps need."""
