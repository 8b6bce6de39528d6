"""Notifications about new S3 objects, received from SQS and parsed."""
