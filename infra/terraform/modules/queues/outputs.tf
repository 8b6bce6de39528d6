output "prefix" {
  description = "Prefix of the queues, for EDDYLINE_QUEUES."
  value       = var.prefix
}

output "arns" {
  description = "ARN of each queue by name."
  value       = { for name, queue in local.all : name => queue.arn }
}

output "urls" {
  description = "URL of each queue by name."
  value       = { for name, queue in local.all : name => queue.url }
}

output "job_queue_arns" {
  description = "ARNs of the job queues of each pool."
  value       = { for pool in var.pools : pool => [for name, queue in local.job_queues : aws_sqs_queue.this[name].arn if queue.pool == pool] }
}

output "answers_queue_arn" {
  description = "ARN of the queue of the workers' reports."
  value       = aws_sqs_queue.this["${var.prefix}-answers"].arn
}

output "dead_letter_queue_arn" {
  description = "ARN of the dead-letter queue of jobs, reports and fleet events."
  value       = aws_sqs_queue.dead["${var.prefix}-dead"].arn
}

output "dead_letter_queue_names" {
  description = "Names of the dead-letter queues, for alarms."
  value       = sort([for queue in aws_sqs_queue.dead : queue.name])
}

output "fleet_queue_arn" {
  description = "ARN of the queue of fleet events."
  value       = aws_sqs_queue.this["${var.prefix}-fleet"].arn
}

output "fleet_queue_url" {
  description = "URL of the queue of fleet events."
  value       = aws_sqs_queue.this["${var.prefix}-fleet"].url
}

output "drain_queue_arn" {
  description = "ARN of the queue of the delayed messages of the general drain function."
  value       = aws_sqs_queue.this["${var.prefix}-drain"].arn
}

output "drain_queue_url" {
  description = "URL of the queue of the delayed messages of the general drain function."
  value       = aws_sqs_queue.this["${var.prefix}-drain"].url
}

output "ingest_queue_arn" {
  description = "ARN of the queue of upload events."
  value       = aws_sqs_queue.this["${var.prefix}-ingest"].arn
}

output "ingest_queue_name" {
  description = "Name of the queue of upload events, for eddyline ingest --events."
  value       = aws_sqs_queue.this["${var.prefix}-ingest"].name
}

output "command_queue_arn_pattern" {
  description = "ARN pattern of the workers' command queues, which workers create and delete themselves."
  value       = "arn:${data.aws_partition.current.partition}:sqs:${data.aws_region.current.name}:${local.account}:${var.prefix}-to-*"
}

output "queue_arn_pattern" {
  description = "ARN pattern of all queues with the prefix."
  value       = "arn:${data.aws_partition.current.partition}:sqs:${data.aws_region.current.name}:${local.account}:${var.prefix}-*"
}
