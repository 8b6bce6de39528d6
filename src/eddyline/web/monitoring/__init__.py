"""What operators see of the server: health, metrics, access logs and traces."""
