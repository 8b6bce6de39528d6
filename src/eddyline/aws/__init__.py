"""Adapters for AWS (SQS, S3 events, EC2 metadata, ECS); the only package that requires the `aws` extra."""
