# A metric that is missing is an alarm too: RDS publishes all of them each minute while the instance runs.
locals {
  gib = 1024 * 1024 * 1024

  alarms = {
    cpu = {
      metric      = "CPUUtilization", statistic = "Average", comparison = "GreaterThanThreshold", threshold = 80, minutes = 15
      description = "The ledger's CPU is busy: choose a larger class, or archive old jobs (coordinator --archive-after)."
    }
    storage = {
      metric      = "FreeStorageSpace", statistic = "Minimum", comparison = "LessThanThreshold", threshold = 5 * local.gib, minutes = 5
      description = "Less than 5 GiB free although RDS extends the storage: raise storage_gib.limit."
    }
    memory = {
      metric      = "FreeableMemory", statistic = "Average", comparison = "LessThanThreshold", threshold = 0.25 * local.gib, minutes = 15
      description = "Less than 256 MiB of memory: choose a larger class."
    }
    connections = {
      metric      = "DatabaseConnections", statistic = "Maximum", comparison = "GreaterThanThreshold", threshold = 150, minutes = 5
      description = "More connections than a few coordinators need: look for processes that should use queues."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = "breaching"
  dimensions          = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}
