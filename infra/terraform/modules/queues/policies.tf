locals {
  account = data.aws_caller_identity.current.account_id
  # With the partition: aws, aws-cn or aws-us-gov.
  iam = "arn:${data.aws_partition.current.partition}:iam::${local.account}"

  fleet_senders = coalesce(var.fleet_senders, toset([for name in ["general-drain", "spot-drain", "spot-metrics"] : "${var.prefix}-${name}"]))
  fleet_queues  = toset(["${var.prefix}-fleet", "${var.prefix}-drain"])
}

data "aws_iam_policy_document" "queue" {
  for_each = local.all

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # The roles of workers may send to all queues with the prefix. Fleet events decide about whole machines, so
  # this queue accepts only those that the Lambda functions pass on.
  dynamic "statement" {
    for_each = contains(local.fleet_queues, each.key) ? [1] : []

    content {
      sid       = "OnlyTheFunctionsSend"
      effect    = "Deny"
      actions   = ["sqs:SendMessage"]
      resources = [each.value.arn]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "ArnNotEquals"
        variable = "aws:PrincipalArn"
        values   = [for name in sort(tolist(local.fleet_senders)) : "${local.iam}:role/${name}"]
      }
    }
  }

  # As aws/s3_events/event_queue.py writes it, but for one rule instead of all rules of the account.
  dynamic "statement" {
    for_each = each.key == "${var.prefix}-ingest" && var.upload_rule_name != null ? [1] : []

    content {
      sid       = "EddylineEventBridge"
      effect    = "Allow"
      actions   = ["sqs:SendMessage"]
      resources = [each.value.arn]

      principals {
        type        = "Service"
        identifiers = ["events.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = ["arn:${data.aws_partition.current.partition}:events:${data.aws_region.current.name}:${local.account}:rule/${var.upload_rule_name}"]
      }
    }
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each = local.all

  queue_url = each.value.url
  policy    = data.aws_iam_policy_document.queue[each.key].json
}
