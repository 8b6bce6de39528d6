# Alarms and a dashboard. The metrics of coordinators and of the function spot-metrics are listed in
# fleet/scaling/metric_names.py and aws/lambdas/metric_names.py; tests compare the names here with them.

data "aws_region" "current" {}
data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}

locals {
  pools = { for name, pool in var.pools : name => pool.capacity if pool.capacity.max_vcpu > 0 || pool.capacity.on_demand.max_vcpu > 0 }

  # The smallest machine of each pool, in vCPU.
  machine_vcpu = {
    for name, capacity in local.pools : name => capacity.requirements == null ? min(concat(values(capacity.types), [length(capacity.types) > 0 ? 1000 : 1])...) : capacity.requirements.vcpu.min
  }

  event_queue_names = var.event_queue_names != null ? var.event_queue_names : [for name in ["fleet", "drain", "spot-drain", "spot-metrics"] : "${var.prefix}-${name}"]

  topic_arns = concat(var.alarm_topic_arns, aws_sns_topic.this[*].arn)
}

resource "aws_sns_topic" "this" {
  #checkov:skip=CKV_AWS_26:CloudWatch cannot publish to a topic with the key of SNS; topic_kms_key_arn sets another one
  count = length(var.emails) > 0 ? 1 : 0

  name              = "${var.prefix}-alarms"
  kms_master_key_id = var.topic_kms_key_arn
  tags              = var.tags
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "CloudWatchAlarms"
    actions   = ["sns:Publish"]
    resources = ["arn:${data.aws_partition.current.partition}:sns:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:${var.prefix}-alarms"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  count = length(var.emails) > 0 ? 1 : 0

  arn    = aws_sns_topic.this[0].arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "this" {
  for_each = toset(var.emails)

  topic_arn = aws_sns_topic.this[0].arn
  protocol  = "email"
  endpoint  = each.value
}
