"""Source files: container detection (`sniff`), inspection (`probe`), remuxing to MP4 (`remux`)."""
