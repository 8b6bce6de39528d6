output "cluster_name" {
  description = "Name of the ECS cluster; the service and the task family have the same name."
  value       = aws_ecs_cluster.this.name
}

output "cluster_arn" {
  description = "ARN of the ECS cluster."
  value       = aws_ecs_cluster.this.arn
}

output "group_names" {
  description = "Names of the Auto Scaling groups by purchase option: spot and od."
  value       = { for purchase, group in aws_autoscaling_group.this : purchase => group.name }
}

output "group_arns" {
  description = "ARNs of the Auto Scaling groups by purchase option: spot and od."
  value       = { for purchase, group in aws_autoscaling_group.this : purchase => group.arn }
}

output "task_role_arn" {
  description = "ARN of the role of the workers."
  value       = aws_iam_role.task.arn
}

output "instance_role_arn" {
  description = "ARN of the role of the machines."
  value       = aws_iam_role.instance.arn
}

output "log_group_name" {
  description = "Name of the log group of the workers."
  value       = aws_cloudwatch_log_group.this.name
}

output "ami_id" {
  description = "ID of the AMI of the machines."
  value       = local.ami_id
}
