# With scaling: eddyline, coordinators set the capacity (app/fleet/scaler.py), and a pool has neither policies nor alarms
# that run them. Otherwise, the policies of fleet/scaling/policies.py, by which tests and the simulator model them: a test compares the plan with
# `python -m eddyline.fleet.scaling`. All capacities are in vCPU.

locals {
  warmup_s = 300

  namespace  = "Eddyline"
  dimensions = { Prefix = var.prefix, Pool = var.name }

  # The smallest and the largest machine.
  machine_vcpu = local.capacity.requirements == null ? min(values(local.capacity.types)...) : local.capacity.requirements.vcpu.min
  largest_vcpu = local.capacity.requirements == null ? max(values(local.capacity.types)...) : local.capacity.requirements.vcpu.max

  scaled_by_aws = local.capacity.scaling == "aws"

  # What the policies may scale.
  has_spot      = local.scaled_by_aws && local.capacity.max_vcpu > 0
  on_demand     = local.capacity.on_demand
  has_on_demand = local.scaled_by_aws && local.on_demand.max_vcpu > local.on_demand.min_vcpu

  # Steps from one machine to all, each half as much again as the one before; at most 20, the limit of a policy.
  step_limits = { spot = local.capacity.max_vcpu, od = local.on_demand.max_vcpu - local.on_demand.min_vcpu }
  step_sizes = {
    for purchase, most in local.step_limits : purchase => most <= 0 ? [] : distinct([
      for step in range(20) : min(ceil(min(local.machine_vcpu, most) * pow(max(1.5, pow(most / min(local.machine_vcpu, most), 1 / 18)), step)), most)
    ])
  }

  steps = {
    for purchase, sizes in local.step_sizes : purchase => [
      for index, size in sizes : {
        size  = size
        lower = index == 0 ? 0 : size
        upper = index == length(sizes) - 1 ? null : sizes[index + 1]
      }
    ]
  }
}

# Keeps the work for each vCPU at the target. Without Spot machines the metric has no value: the step from zero starts them.
resource "aws_autoscaling_policy" "backlog" {
  count = local.scaled_by_aws ? 1 : 0

  name                      = "${local.base}-spot-backlog"
  autoscaling_group_name    = aws_autoscaling_group.this["spot"].name
  policy_type               = "TargetTrackingScaling"
  estimated_instance_warmup = local.warmup_s

  target_tracking_configuration {
    target_value     = local.capacity.target_backlog_s
    disable_scale_in = false

    customized_metric_specification {
      metric_name = "BacklogSecondsPerVcpu"
      namespace   = local.namespace
      statistic   = "Average"
      unit        = "Seconds"

      dynamic "metric_dimension" {
        for_each = local.dimensions

        content {
          name  = metric_dimension.key
          value = metric_dimension.value
        }
      }
    }
  }
}

resource "aws_autoscaling_policy" "from_zero" {
  count = local.has_spot ? 1 : 0

  name                      = "${local.base}-spot-from-zero"
  autoscaling_group_name    = aws_autoscaling_group.this["spot"].name
  policy_type               = "StepScaling"
  adjustment_type           = "ExactCapacity" # may be repeated while the first machines start
  metric_aggregation_type   = "Average"
  estimated_instance_warmup = local.warmup_s

  dynamic "step_adjustment" {
    for_each = local.steps.spot

    content {
      metric_interval_lower_bound = step_adjustment.value.lower
      metric_interval_upper_bound = step_adjustment.value.upper
      scaling_adjustment          = step_adjustment.value.size
    }
  }
}

# On-Demand replaces Spot that has been missing for longer than the pool's bound.
resource "aws_autoscaling_policy" "on_demand_out" {
  count = local.has_on_demand ? 1 : 0

  name                      = "${local.base}-od-out"
  autoscaling_group_name    = aws_autoscaling_group.this["od"].name
  policy_type               = "StepScaling"
  adjustment_type           = "ChangeInCapacity"
  metric_aggregation_type   = "Average"
  estimated_instance_warmup = local.warmup_s

  dynamic "step_adjustment" {
    for_each = local.steps.od

    content {
      metric_interval_lower_bound = step_adjustment.value.lower
      metric_interval_upper_bound = step_adjustment.value.upper
      scaling_adjustment          = step_adjustment.value.size
    }
  }
}

# And is given back first: after minutes, while target tracking takes a quarter of an hour.
resource "aws_autoscaling_policy" "on_demand_in" {
  count = local.has_on_demand ? 1 : 0

  name                      = "${local.base}-od-in"
  autoscaling_group_name    = aws_autoscaling_group.this["od"].name
  policy_type               = "StepScaling"
  adjustment_type           = "ChangeInCapacity"
  metric_aggregation_type   = "Average"
  estimated_instance_warmup = local.warmup_s

  dynamic "step_adjustment" {
    for_each = local.steps.od

    content {
      # Relative to the threshold of the alarm, one machine.
      metric_interval_lower_bound = max(0, step_adjustment.value.lower - local.machine_vcpu)
      metric_interval_upper_bound = step_adjustment.value.upper == null ? null : step_adjustment.value.upper - local.machine_vcpu
      scaling_adjustment          = -step_adjustment.value.size
    }
  }
}

# From the same hours of earlier days, beside target tracking.
resource "aws_autoscaling_policy" "predictive" {
  count = local.capacity.predictive ? 1 : 0

  name                   = "${local.base}-spot-predictive"
  autoscaling_group_name = aws_autoscaling_group.this["spot"].name
  policy_type            = "PredictiveScaling"

  predictive_scaling_configuration {
    mode                         = "ForecastAndScale"
    max_capacity_breach_behavior = "HonorMaxCapacity"
    scheduling_buffer_time       = local.warmup_s

    metric_specification {
      target_value = local.capacity.target_backlog_s

      customized_load_metric_specification {
        metric_data_queries {
          id = "load"

          metric_stat {
            stat = "Average"

            metric {
              namespace   = local.namespace
              metric_name = "WantedVcpu"

              dynamic "dimensions" {
                for_each = local.dimensions

                content {
                  name  = dimensions.key
                  value = dimensions.value
                }
              }
            }
          }
        }
      }

      customized_scaling_metric_specification {
        metric_data_queries {
          id = "scaling"

          metric_stat {
            stat = "Average"

            metric {
              namespace   = local.namespace
              metric_name = "BacklogSecondsPerVcpu"

              dynamic "dimensions" {
                for_each = local.dimensions

                content {
                  name  = dimensions.key
                  value = dimensions.value
                }
              }
            }
          }
        }
      }

      customized_capacity_metric_specification {
        metric_data_queries {
          id = "capacity"

          metric_stat {
            stat = "Average"

            metric {
              namespace   = local.namespace
              metric_name = "SpotInServiceVcpu"

              dynamic "dimensions" {
                for_each = local.dimensions

                content {
                  name  = dimensions.key
                  value = dimensions.value
                }
              }
            }
          }
        }
      }
    }
  }
}

# The alarms that run the step policies. Missing data must not run them: capacity stays as it is, and the alarm
# metrics-missing of the module watch notifies.
locals {
  scaling_alarms = merge(
    local.has_spot ? {
      spot-from-zero = {
        metrics    = { wanted = ["WantedVcpu", "Average"], spot = ["SpotInServiceVcpu", "Average"] }
        expression = "IF(spot > 0, 0, wanted - ${local.on_demand.min_vcpu})"
        comparison = "GreaterThanThreshold"
        threshold  = 0
        periods    = 1
        policy     = one(aws_autoscaling_policy.from_zero[*].arn)
      }
    } : {},
    local.has_on_demand ? {
      od-out = {
        metrics    = { shortfall = ["SpotShortfallVcpu", "Average"], age = ["OldestDueJobAge", "Maximum"] }
        expression = "IF(age >= ${local.on_demand.after_s}, shortfall, 0)"
        comparison = "GreaterThanThreshold"
        threshold  = 0
        periods    = 1
        policy     = one(aws_autoscaling_policy.on_demand_out[*].arn)
      }
      od-in = {
        metrics    = { in_service = ["InServiceVcpu", "Average"], wanted = ["WantedVcpu", "Average"] }
        expression = "in_service - wanted"
        comparison = "GreaterThanOrEqualToThreshold"
        threshold  = local.machine_vcpu
        periods    = 5
        policy     = one(aws_autoscaling_policy.on_demand_in[*].arn)
      }
    } : {},
  )
}

resource "aws_cloudwatch_metric_alarm" "scaling" {
  for_each = local.scaling_alarms

  alarm_name          = "${local.base}-${each.key}"
  alarm_description   = "Runs the scaling policy ${local.base}-${each.key}; fleet/scaling/alarms.py explains it"
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = [each.value.policy]
  tags                = local.tags

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = local.namespace
        metric_name = metric_query.value[0]
        stat        = metric_query.value[1]
        period      = 60
        dimensions  = local.dimensions
      }
    }
  }

  metric_query {
    id          = "value"
    expression  = each.value.expression
    label       = each.key
    return_data = true
  }
}
