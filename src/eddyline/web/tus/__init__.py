"""A server of the tus protocol 1.0 for resumable uploads (https://tus.io/protocols/resumable-upload)."""
