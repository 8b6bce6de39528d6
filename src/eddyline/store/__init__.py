"""Media stores: local directories and object stores (S3, GCS, Azure), and reads by byte range."""
