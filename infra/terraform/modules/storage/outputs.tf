output "store" {
  description = "Address of the media store, for EDDYLINE_STORE."
  value       = "s3://${aws_s3_bucket.this["media"].bucket}/${var.media_prefix}"
}

output "media_bucket" {
  description = "Name of the media bucket."
  value       = aws_s3_bucket.this["media"].bucket
}

output "media_bucket_arn" {
  description = "ARN of the media bucket."
  value       = aws_s3_bucket.this["media"].arn
}

output "media_prefix" {
  description = "Prefix of the media store in its bucket."
  value       = var.media_prefix
}

output "upload_bucket" {
  description = "Name of the upload bucket."
  value       = aws_s3_bucket.this["uploads"].bucket
}

output "upload_bucket_arn" {
  description = "ARN of the upload bucket."
  value       = aws_s3_bucket.this["uploads"].arn
}

output "rule_arn" {
  description = "ARN of the EventBridge rule of uploads; null without ingest_events."
  value       = one(aws_cloudwatch_event_rule.uploads[*].arn)
}
