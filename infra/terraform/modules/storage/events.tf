resource "aws_s3_bucket_notification" "uploads" {
  bucket      = aws_s3_bucket.this["uploads"].bucket
  eventbridge = true
}

resource "aws_cloudwatch_event_rule" "uploads" {
  count = var.ingest_events ? 1 : 0

  name        = var.rule_name
  description = "New objects of ${var.upload_bucket} to the ingest queue."
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = merge(
      { bucket = { name = [var.upload_bucket] } },
      var.upload_prefix == "" ? {} : { object = { key = [{ prefix = var.upload_prefix }] } },
    )
  })
}

resource "aws_cloudwatch_event_target" "uploads" {
  count = var.ingest_events ? 1 : 0

  rule      = aws_cloudwatch_event_rule.uploads[0].name
  target_id = "ingest"
  arn       = var.ingest_queue_arn

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  lifecycle {
    precondition {
      condition     = var.ingest_queue_arn != null
      error_message = "ingest_events needs ingest_queue_arn."
    }
  }
}
