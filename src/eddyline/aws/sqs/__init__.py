"""Jobs, reports and commands over SQS: the client, the broker of a worker, the transport of a coordinator."""
