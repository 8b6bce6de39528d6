"""NAL units and other parts of encoded samples."""
