output "alarm_names" {
  description = "Names of all alarms of this module."
  value       = sort(concat([for alarm in aws_cloudwatch_metric_alarm.pool : alarm.alarm_name], [for alarm in aws_cloudwatch_metric_alarm.interruptions : alarm.alarm_name], [for alarm in aws_cloudwatch_metric_alarm.dead_letters : alarm.alarm_name], [for alarm in aws_cloudwatch_metric_alarm.late_events : alarm.alarm_name], [for alarm in aws_cloudwatch_metric_alarm.functions : alarm.alarm_name], [for alarm in aws_cloudwatch_metric_alarm.quotas : alarm.alarm_name]))
}

output "dashboard_name" {
  description = "Name of the dashboard in CloudWatch."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "topic_arn" {
  description = "ARN of the SNS topic; null without emails."
  value       = one(aws_sns_topic.this[*].arn)
}
