# The table of aws/lambdas/rules.py. A pattern only saves invocations: the functions ignore foreign events too.
locals {
  groups = { AutoScalingGroupName = [{ prefix = "${var.prefix}-" }] }

  rules = {
    general-drain = {
      function = "general-drain"
      pattern = {
        source      = ["aws.autoscaling"]
        detail-type = ["EC2 Instance-terminate Lifecycle Action"]
        detail = merge(local.groups, {
          LifecycleHookName   = ["${var.prefix}-drain"]
          LifecycleTransition = ["autoscaling:EC2_INSTANCE_TERMINATING"]
        })
      }
    }
    spot-drain = {
      function = "spot-drain"
      pattern = {
        source      = ["aws.ec2"]
        detail-type = ["EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation"]
      }
    }
    metrics-spot-notices = {
      function = "spot-metrics"
      pattern = {
        source      = ["aws.ec2"]
        detail-type = ["EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation"]
      }
    }
    metrics-states = {
      function = "spot-metrics"
      pattern = {
        source      = ["aws.ec2"]
        detail-type = ["EC2 Instance State-change Notification"]
        detail      = { state = ["running", "terminated"] }
      }
    }
    metrics-run-instances = {
      function = "spot-metrics"
      pattern = {
        source      = ["aws.ec2"]
        detail-type = ["AWS API Call via CloudTrail"]
        detail      = { eventSource = ["ec2.amazonaws.com"], eventName = ["RunInstances"] }
      }
    }
    metrics-fulfillment = {
      function = "spot-metrics"
      pattern = {
        source      = ["aws.ec2"]
        detail-type = ["EC2 Spot Instance Request Fulfillment"]
      }
    }
    metrics-groups = {
      function = "spot-metrics"
      pattern = {
        source = ["aws.autoscaling"]
        detail-type = [
          "EC2 Instance-terminate Lifecycle Action",
          "EC2 Instance Launch Successful",
          "EC2 Instance Launch Unsuccessful",
          "EC2 Instance Terminate Successful",
          "EC2 Instance Terminate Unsuccessful",
        ]
        detail = local.groups
      }
    }
    metrics-health = {
      function = "spot-metrics"
      pattern = {
        source      = ["aws.health"]
        detail-type = ["AWS Health Event"]
        detail      = { service = ["EC2"], eventTypeCategory = ["scheduledChange"] }
      }
    }
  }

  # The general drain function is invoked at once; the others get batches from their queues.
  direct = { for name, rule in local.rules : name => rule if rule.function == "general-drain" }
  queued = { for name, rule in local.rules : name => rule if rule.function != "general-drain" }

  rule_arns = { for name in keys(local.rules) : name => "arn:${local.partition}:events:${local.place}:rule/${var.prefix}-${name}" }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name          = "${var.prefix}-${each.key}"
  description   = "Events of the fleet for ${var.prefix}-${each.value.function}"
  event_pattern = jsonencode(each.value.pattern)
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "function" {
  for_each = local.direct

  rule = aws_cloudwatch_event_rule.this[each.key].name
  arn  = aws_lambda_function.this[each.value.function].arn

  dead_letter_config {
    arn = aws_sqs_queue.events["events-dead"].arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 185
  }
}

resource "aws_cloudwatch_event_target" "queue" {
  for_each = local.queued

  rule = aws_cloudwatch_event_rule.this[each.key].name
  arn  = aws_sqs_queue.events[each.value.function].arn

  dead_letter_config {
    arn = aws_sqs_queue.events["events-dead"].arn
  }
}

resource "aws_lambda_permission" "rule" {
  for_each = local.direct

  statement_id  = "EventBridge"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this[each.value.function].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this[each.key].arn
}
