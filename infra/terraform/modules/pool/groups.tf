# The pool's subnets, if it names zones.
data "aws_subnets" "zones" {
  count = length(local.capacity.zones) > 0 ? 1 : 0

  filter {
    name   = "vpc-id"
    values = [var.vpc_id]
  }

  filter {
    name   = "subnet-id"
    values = var.subnet_ids
  }

  filter {
    name   = "availability-zone"
    values = local.capacity.zones
  }
}

locals {
  # Coordinators order listed types by value; AWS regards the order after capacity. A plan shows their order as a change
  # of the overrides; applying it is harmless, they set theirs again within the hour.
  orders_types  = !local.scaled_by_aws && length(local.capacity.types) > 0 && local.capacity.spot.strategy == "capacity-optimized"
  spot_strategy = local.orders_types ? "capacity-optimized-prioritized" : local.capacity.spot.strategy
}

resource "aws_autoscaling_group" "this" {
  for_each = local.purchases

  name                = "${local.base}-${each.key}"
  vpc_zone_identifier = length(local.capacity.zones) > 0 ? one(data.aws_subnets.zones[*].ids) : var.subnet_ids

  # In vCPU: of each type by its weight, or by the attributes of the types that AWS chooses.
  min_size              = each.value.min
  max_size              = each.value.max
  desired_capacity_type = local.capacity.requirements == null ? null : "vcpu"

  health_check_type         = "EC2"
  health_check_grace_period = 300
  default_instance_warmup   = local.warmup_s
  metrics_granularity       = "1Minute"
  enabled_metrics           = ["GroupDesiredCapacity", "GroupInServiceCapacity", "GroupPendingCapacity", "GroupTerminatingCapacity"]

  # AZRebalance terminates machines in the middle of their jobs, only to even out zones. Capacity rebalancing replaces
  # machines on every recommendation, most of which no interruption follows: the drain functions decide instead.
  suspended_processes   = ["AZRebalance"]
  capacity_rebalance    = false
  protect_from_scale_in = !local.scaled_by_aws # coordinators name the machines to end: a late capacity ends none
  termination_policies  = ["OldestLaunchTemplate", "OldestInstance"]

  # Without Spot capacity, apply must not wait for it.
  wait_for_capacity_timeout = "0"

  # Destroying a group must not wait for its hook, nor for machines that are being terminated.
  force_delete = true

  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = 0
      on_demand_percentage_above_base_capacity = each.key == "od" ? 100 : 0
      on_demand_allocation_strategy            = "lowest-price"
      spot_allocation_strategy                 = local.spot_strategy
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.this[each.key].id
        version            = aws_launch_template.this[each.key].latest_version
      }

      dynamic "override" {
        for_each = local.capacity.types

        content {
          instance_type     = override.key
          weighted_capacity = override.value
        }
      }

      dynamic "override" {
        for_each = local.capacity.requirements[*]

        content {
          instance_requirements {
            memory_mib {
              min = override.value.memory_mib.min
              max = override.value.memory_mib.max
            }

            vcpu_count {
              min = override.value.vcpu.min
              max = override.value.vcpu.max
            }

            cpu_manufacturers       = length(override.value.cpu_manufacturers) > 0 ? override.value.cpu_manufacturers : null
            excluded_instance_types = length(override.value.excluded_types) > 0 ? override.value.excluded_types : null

            spot_max_price_percentage_over_lowest_price      = local.capacity.spot.max_price_percent
            on_demand_max_price_percentage_over_lowest_price = local.capacity.on_demand.max_price_percent
          }
        }
      }
    }
  }

  # A new launch template (AMI, volumes, settings) replaces the machines a tenth at a time, through the hook.
  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = 90
      instance_warmup        = local.warmup_s
      skip_matching          = true
      auto_rollback          = false

      # Protection is against changes of the capacity, not against a new launch template.
      scale_in_protected_instances = local.scaled_by_aws ? "Ignore" : "Refresh"
    }
  }

  dynamic "tag" {
    for_each = merge(local.tags, { Name = "${local.base}-${each.key}", "eddyline:purchase" = each.key })

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    # The scaling policies or the coordinators set it.
    ignore_changes = [desired_capacity]

    precondition {
      condition     = length(local.capacity.zones) == 0 || try(length(one(data.aws_subnets.zones[*].ids)) > 0, true)
      error_message = "None of the subnets is in a zone of the pool: correct capacity.zones in pools.yaml, or add subnets."
    }

    precondition {
      condition     = each.value.max == 0 || each.value.max >= local.largest_vcpu
      error_message = "The group ${local.base}-${each.key} has a maximum of ${each.value.max} vCPU, less than its largest machine (${local.largest_vcpu}): raise it in pools.yaml, or use 0."
    }
  }

  # A machine that starts without its permissions never registers.
  depends_on = [aws_iam_role_policy.instance, aws_iam_role_policy_attachment.instance]
}

# A resource by itself rather than a part of the group: it is deleted before the group, which completes what waits for
# it, and a changed time takes effect. With CONTINUE, a fleet without drain functions loses time but never machines.
resource "aws_autoscaling_lifecycle_hook" "drain" {
  for_each = local.purchases

  name                   = "${var.prefix}-drain"
  autoscaling_group_name = aws_autoscaling_group.this[each.key].name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = local.capacity.hook_s
  default_result         = "CONTINUE"
}
