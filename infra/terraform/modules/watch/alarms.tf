locals {
  # Pools that coordinators scale: the age of the last decision that was applied.
  scaler_alarms = {
    for name, capacity in local.pools : "${name}-scaler-late" => {
      pool        = name
      description = "Coordinators do not scale the pool: capacity stays as it is (s). Their log has the reason"
      metric      = "ScalerDecisionAge"
      namespace   = "Eddyline"
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 300
      period      = 60
      periods     = 5
      missing     = "breaching"
    } if capacity.scaling == "eddyline"
  }

  # The alarms of fleet/scaling/alarms.py that notify, for each pool. Coordinators publish all but one of these metrics
  # each minute: missing data breaches. An idle pool has no share of Spot, and a fleet without failures no failures.
  pool_alarms = merge([
    for name, capacity in local.pools : {
      "${name}-metrics-missing" = {
        pool        = name
        description = "No coordinator publishes metrics: capacity stays as it is"
        metric      = "WantedVcpu"
        namespace   = "Eddyline"
        statistic   = "Average"
        comparison  = "LessThanThreshold"
        threshold   = 0
        period      = 60
        periods     = 5
        missing     = "breaching"
      }
      "${name}-job-age" = {
        pool        = name
        description = "The oldest due job waits for too long (s)"
        metric      = "OldestDueJobAge"
        namespace   = "Eddyline"
        statistic   = "Maximum"
        comparison  = "GreaterThanThreshold"
        threshold   = max(3600, 4 * capacity.on_demand.after_s)
        period      = 60
        periods     = 5
        missing     = "breaching"
      }
      "${name}-spot-shortfall" = {
        pool        = name
        description = "Neither Spot nor On-Demand provides the capacity that is wanted (vCPU)"
        metric      = "SpotShortfallVcpu"
        namespace   = "Eddyline"
        statistic   = "Average"
        comparison  = "GreaterThanThreshold"
        threshold   = 0
        period      = 60
        periods     = 15
        missing     = "breaching"
      }
      "${name}-at-maximum" = {
        pool        = name
        description = "More capacity is wanted than the groups may have: raise max_vcpu in pools.yaml, or the quotas"
        metric      = "WantedVcpu"
        namespace   = "Eddyline"
        statistic   = "Average"
        comparison  = "GreaterThanThreshold"
        threshold   = capacity.max_vcpu + capacity.on_demand.max_vcpu
        period      = 60
        periods     = 30
        missing     = "breaching"
      }
      "${name}-spot-share" = {
        pool        = name
        description = "Less than the wanted share of the capacity is Spot (%)"
        metric      = "SpotShare"
        namespace   = "Eddyline"
        statistic   = "Average"
        comparison  = "LessThanThreshold"
        threshold   = var.spot_share_percent
        period      = 3600
        periods     = 6
        missing     = "notBreaching"
      }
      "${name}-launch-failures" = {
        pool        = name
        description = "Machines fail to launch: the activities of the groups say why"
        metric      = "LaunchFailures"
        namespace   = "Eddyline/Fleet"
        statistic   = "Sum"
        comparison  = "GreaterThanOrEqualToThreshold"
        threshold   = 3
        period      = 300
        periods     = 2
        missing     = "notBreaching"
      }
    }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "pool" {
  for_each = merge(local.pool_alarms, local.scaler_alarms)

  alarm_name          = "${var.prefix}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  dimensions          = { Prefix = var.prefix, Pool = each.value.pool }
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = local.topic_arns
  ok_actions          = local.topic_arns
  tags                = var.tags
}

# Interruptions for each hour of an instance; the number of instances is estimated by the smallest machine of the pool.
# `eddyline fleet interruptions` has the exact rates.
resource "aws_cloudwatch_metric_alarm" "interruptions" {
  for_each = local.pools

  alarm_name          = "${var.prefix}-${each.key}-interruptions"
  alarm_description   = "Spot Instances are interrupted often: add instance types or zones to the pool"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.interruptions_per_instance_hour
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching" # no interruptions, no data
  alarm_actions       = local.topic_arns
  ok_actions          = local.topic_arns
  tags                = var.tags

  metric_query {
    id          = "interruptions"
    return_data = false

    metric {
      namespace   = "Eddyline/Fleet"
      metric_name = "Interruptions"
      stat        = "Sum"
      period      = 3600
      dimensions  = { Prefix = var.prefix, Pool = each.key }
    }
  }

  metric_query {
    id          = "vcpu"
    return_data = false

    metric {
      namespace   = "Eddyline"
      metric_name = "SpotInServiceVcpu"
      stat        = "Average"
      period      = 3600
      dimensions  = { Prefix = var.prefix, Pool = each.key }
    }
  }

  metric_query {
    id          = "rate"
    label       = "interruptions for each instance-hour"
    expression  = "IF(vcpu > 0, interruptions / CEIL(vcpu / ${local.machine_vcpu[each.key]}), 0)"
    return_data = true
  }
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = toset(var.dead_letter_queue_names)

  alarm_name          = "${var.prefix}-dead-letters-${each.key}"
  alarm_description   = "Messages could not be handled: eddyline jobs redrive, eddyline parked, or the console of SQS"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  statistic           = "Maximum"
  dimensions          = { QueueName = each.key }
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching" # SQS stops the metrics of a queue that is idle for six hours
  alarm_actions       = local.topic_arns
  ok_actions          = local.topic_arns
  tags                = var.tags
}

# Fleet events that are not consumed: no coordinator runs, or a function fails.
resource "aws_cloudwatch_metric_alarm" "late_events" {
  for_each = toset(local.event_queue_names)

  alarm_name          = "${var.prefix}-late-events-${each.key}"
  alarm_description   = "Events wait in the queue (s)"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  statistic           = "Maximum"
  dimensions          = { QueueName = each.key }
  comparison_operator = "GreaterThanThreshold"
  threshold           = 600
  period              = 60
  evaluation_periods  = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topic_arns
  ok_actions          = local.topic_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "functions" {
  for_each = { for pair in setproduct(keys(var.function_names), ["Errors", "Throttles"]) : "${pair[0]}-${lower(pair[1])}" => { function = var.function_names[pair[0]], metric = pair[1] } }

  alarm_name          = "${each.value.function}-${lower(each.value.metric)}"
  alarm_description   = "${each.value.metric} of the function ${each.value.function}: see its log"
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  statistic           = "Sum"
  dimensions          = { FunctionName = each.value.function }
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching" # without events, a function is not invoked
  alarm_actions       = local.topic_arns
  ok_actions          = local.topic_arns
  tags                = var.tags
}

# A full quota looks like a lack of Spot capacity.
resource "aws_cloudwatch_metric_alarm" "quotas" {
  for_each = var.quota_classes

  alarm_name          = "${var.prefix}-quota-${lower(replace(each.key, "/", "-"))}"
  alarm_description   = "The account uses most of its vCPU quota ${each.key}: ask AWS for a higher one"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.quota_percent
  evaluation_periods  = 2
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching" # without instances of the class, it has no data
  alarm_actions       = local.topic_arns
  ok_actions          = local.topic_arns
  tags                = var.tags

  metric_query {
    id          = "used"
    return_data = false

    metric {
      namespace   = "AWS/Usage"
      metric_name = "ResourceCount"
      stat        = "Maximum"
      period      = 300
      dimensions  = { Service = "EC2", Type = "Resource", Resource = "vCPU", Class = each.key }
    }
  }

  metric_query {
    id          = "percent"
    label       = "percent of the quota ${each.key}"
    expression  = "100 * used / SERVICE_QUOTA(used)"
    return_data = true
  }
}
