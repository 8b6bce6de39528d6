locals {
  # For each pool: a row of widgets with the metrics of coordinators, and one with those of the function spot-metrics.
  # A metric is a name and its statistic.
  pool_widgets = [
    { title = "capacity (vCPU)", namespace = "Eddyline", period = 60, metrics = [["WantedVcpu", "Average"], ["InServiceVcpu", "Average"], ["SpotInServiceVcpu", "Average"], ["SpotShortfallVcpu", "Average"]] },
    { title = "backlog, oldest due job and last decision (s)", namespace = "Eddyline", period = 60, metrics = [["BacklogSecondsPerVcpu", "Average"], ["OldestDueJobAge", "Maximum"], ["ScalerDecisionAge", "Maximum"]] },
    { title = "slots", namespace = "Eddyline", period = 60, metrics = [["Slots", "Average"], ["BusySlots", "Average"]] },
    { title = "share of Spot (%)", namespace = "Eddyline", period = 3600, metrics = [["SpotShare", "Average"]] },
    { title = "interruptions", namespace = "Eddyline/Fleet", period = 3600, metrics = [["InterruptionWarnings", "Sum"], ["Interruptions", "Sum"], ["RebalanceRecommendations", "Sum"]] },
    { title = "machines", namespace = "Eddyline/Fleet", period = 3600, metrics = [["Launches", "Sum"], ["LaunchFailures", "Sum"], ["Terminations", "Sum"], ["ScaleIns", "Sum"]] },
  ]

  # Everything that has a dimension more: one line for each of its values.
  search_widgets = [
    { title = "interruptions by instance type", metric = "Interruptions", dimension = "InstanceType" },
    { title = "launches by instance type", metric = "Launches", dimension = "InstanceType" },
    { title = "interruptions by zone", metric = "Interruptions", dimension = "AvailabilityZone" },
    { title = "launches by purchase option", metric = "Launches", dimension = "Lifecycle" },
  ]

  pool_names = sort(keys(local.pools))

  widgets = concat(
    flatten([
      for row, pool in local.pool_names : concat(
        [
          for column, widget in local.pool_widgets : {
            type   = "metric"
            x      = 4 * column
            y      = 12 * row
            width  = 4
            height = 6
            properties = {
              title   = "${pool}: ${widget.title}"
              region  = data.aws_region.current.name
              view    = "timeSeries"
              period  = widget.period
              metrics = [for metric in widget.metrics : [widget.namespace, metric[0], "Prefix", var.prefix, "Pool", pool, { stat = metric[1] }]]
            }
          }
        ],
        [
          for column, widget in local.search_widgets : {
            type   = "metric"
            x      = 6 * column
            y      = 12 * row + 6
            width  = 6
            height = 6
            properties = {
              title   = "${pool}: ${widget.title}"
              region  = data.aws_region.current.name
              view    = "timeSeries"
              period  = 3600
              metrics = [[{ expression = "SEARCH('{Eddyline/Fleet,Prefix,Pool,${widget.dimension}} MetricName=\"${widget.metric}\" Prefix=\"${var.prefix}\" Pool=\"${pool}\"', 'Sum', 3600)", label = "" }]]
            }
          }
        ],
      )
    ]),
    [
      {
        type   = "metric"
        x      = 0
        y      = 12 * length(local.pool_names)
        width  = 12
        height = 6
        properties = {
          title   = "dead letters"
          region  = data.aws_region.current.name
          view    = "timeSeries"
          period  = 300
          metrics = [for name in var.dead_letter_queue_names : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name, { stat = "Maximum" }]]
        }
      },
      {
        type   = "metric"
        x      = 12
        y      = 12 * length(local.pool_names)
        width  = 12
        height = 6
        properties = {
          title   = "errors of the functions"
          region  = data.aws_region.current.name
          view    = "timeSeries"
          period  = 300
          metrics = [for key in sort(keys(var.function_names)) : ["AWS/Lambda", "Errors", "FunctionName", var.function_names[key], { stat = "Sum" }]]
        }
      },
    ],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.prefix
  dashboard_body = jsonencode({ widgets = local.widgets })
}
