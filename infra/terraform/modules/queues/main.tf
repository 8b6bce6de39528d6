# Names and attributes equal those of aws/sqs/queue_names.py, aws/sqs/client.py and aws/s3_events/event_queue.py:
# a process that finds a queue with other attributes corrects them, and the next plan would change them back.
# tests/infra/test_queues.py compares both sides.
data "aws_caller_identity" "current" {}
data "aws_region" "current" {}
data "aws_partition" "current" {}

locals {
  retention_s = 14 * 24 * 3600

  # The name of a job queue: QueueNames.name.
  job_queues = merge([
    for pool in var.pools : {
      for priority in var.priorities :
      "${var.prefix}-${pool}-${priority >= 0 ? "p${priority}" : "m${- priority}"}" => { pool = pool, priority = priority }
    }
  ]...)

  dead_letter_queues = toset(["${var.prefix}-dead", "${var.prefix}-ingest-dead"])

  # name: visibility timeout (s), receipts before a message becomes a dead letter, and the queue of dead letters.
  queues = merge(
    { for name in keys(local.job_queues) : name => { visibility_s = 30, receipts = var.dead_after, dead = "${var.prefix}-dead" } },
    {
      "${var.prefix}-answers" = { visibility_s = 30, receipts = 1000, dead = "${var.prefix}-dead" }
      "${var.prefix}-fleet"   = { visibility_s = 30, receipts = 10, dead = "${var.prefix}-dead" }
      "${var.prefix}-drain"   = { visibility_s = 180, receipts = 10, dead = "${var.prefix}-dead" }
      "${var.prefix}-ingest"  = { visibility_s = 60, receipts = 100, dead = "${var.prefix}-ingest-dead" }
    },
  )

  all = merge(aws_sqs_queue.dead, aws_sqs_queue.this)
}

resource "aws_sqs_queue" "dead" {
  #checkov:skip=CKV_AWS_27:All queues are encrypted; the key is a choice of the user (kms_key_arn)
  for_each = local.dead_letter_queues

  name                              = each.key
  visibility_timeout_seconds        = 30
  message_retention_seconds         = local.retention_s
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600
  tags                              = var.tags
}

resource "aws_sqs_queue" "this" {
  #checkov:skip=CKV_AWS_27:All queues are encrypted; the key is a choice of the user (kms_key_arn)
  for_each = local.queues

  name                              = each.key
  visibility_timeout_seconds        = each.value.visibility_s
  message_retention_seconds         = local.retention_s
  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600
  tags                              = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.value.dead].arn
    maxReceiveCount     = each.value.receipts
  })
}
