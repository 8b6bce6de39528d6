resource "aws_ecs_cluster" "this" {
  name = "${var.prefix}-service"
  tags = var.tags

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:The key is a choice of the user (log_kms_key_arn)
  #checkov:skip=CKV_AWS_338:The retention is a choice of the user (log_retention_days)
  for_each = local.services

  name              = "/${var.prefix}/service/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}
