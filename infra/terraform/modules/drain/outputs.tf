output "function_names" {
  description = "Names of the functions, for alarms."
  value       = { for key, function in aws_lambda_function.this : key => function.function_name }
}

output "role_arns" {
  description = "ARNs of the roles of the functions."
  value       = { for key, role in aws_iam_role.this : key => role.arn }
}

output "dead_letter_queue_names" {
  description = "Names of the queues of events that could not be handled, for alarms."
  value       = [aws_sqs_queue.events["events-dead"].name]
}

output "rule_arns" {
  description = "ARNs of the EventBridge rules by name without the prefix."
  value       = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.arn }
}

output "prefix" {
  description = "The prefix, once the functions receive their events: module pool takes it from here, so that a pool is created after the functions that drain its machines, and destroyed before them."
  value       = var.prefix

  depends_on = [
    aws_cloudwatch_event_target.function,
    aws_cloudwatch_event_target.queue,
    aws_iam_role_policy.this,
    aws_lambda_event_source_mapping.this,
    aws_lambda_permission.rule,
    aws_sqs_queue_policy.events,
    aws_sqs_queue_redrive_policy.events,
  ]
}
