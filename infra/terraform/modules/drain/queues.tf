locals {
  # An interruption that a function could not handle is tried again soon; the metrics are not in a hurry.
  event_queues = {
    spot-drain   = { visibility_s = 30, receipts = 5, retention_s = 14 * 24 * 3600 }
    spot-metrics = { visibility_s = 150, receipts = 10, retention_s = 14 * 24 * 3600 }
    events-dead  = { visibility_s = 30, receipts = null, retention_s = 14 * 24 * 3600 }
  }
}

resource "aws_sqs_queue" "events" {
  #checkov:skip=CKV_AWS_27:All queues are encrypted; the key is a choice of the user (kms_key_arn)
  for_each = local.event_queues

  name                              = "${var.prefix}-${each.key}"
  visibility_timeout_seconds        = each.value.visibility_s
  message_retention_seconds         = each.value.retention_s
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 300
  tags                              = var.tags
}

resource "aws_sqs_queue_redrive_policy" "events" {
  for_each = { for name, queue in local.event_queues : name => queue if queue.receipts != null }

  queue_url = aws_sqs_queue.events[each.key].url
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.events["events-dead"].arn
    maxReceiveCount     = each.value.receipts
  })
}

data "aws_iam_policy_document" "queue" {
  for_each = local.event_queues

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = ["arn:${local.partition}:sqs:${local.place}:${var.prefix}-${each.key}"]

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

  # The rules with this target; the queue of dead letters gets what EventBridge could not deliver.
  statement {
    sid       = "EventBridge"
    actions   = ["sqs:SendMessage"]
    resources = ["arn:${local.partition}:sqs:${local.place}:${var.prefix}-${each.key}"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for name, rule in local.rules : local.rule_arns[name] if each.key == "events-dead" || rule.function == each.key]
    }
  }
}

resource "aws_sqs_queue_policy" "events" {
  for_each = local.event_queues

  queue_url = aws_sqs_queue.events[each.key].url
  policy    = data.aws_iam_policy_document.queue[each.key].json

  # One after the other: an emulator loses one of two concurrent changes of a queue.
  depends_on = [aws_sqs_queue_redrive_policy.events]
}
