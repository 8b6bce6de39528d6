output "cluster_name" {
  description = "Name of the ECS cluster."
  value       = aws_ecs_cluster.this.name
}

output "service_names" {
  description = "Name of the ECS service of each process."
  value       = { for name, service in aws_ecs_service.this : name => service.name }
}

output "task_role_arns" {
  description = "ARN of the role of each process."
  value       = { for name, role in aws_iam_role.task : name => role.arn }
}

output "log_group_names" {
  description = "Name of the log group of each process."
  value       = { for name, group in aws_cloudwatch_log_group.this : name => group.name }
}

output "commands" {
  description = "Command line of each process, for the tests of the entry points."
  value       = { for name, service in local.services : name => service.command }
}
