# One pool of workers: an ECS cluster whose machines come from two Auto Scaling groups (Spot and On-Demand), and a
# service that runs one worker on each machine. docs/decisions/0011-terraform.md has the reasons.

data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  base     = "${var.prefix}-${var.name}"
  capacity = var.pool.capacity
  account  = data.aws_caller_identity.current.account_id
  region   = data.aws_region.current.name
  # With the partition: aws, aws-cn or aws-us-gov.
  ecs = "arn:${data.aws_partition.current.partition}:ecs:${local.region}:${local.account}"

  # DRAINING makes ECS send SIGTERM to the worker, which then has all of the hook's time to finish its jobs. The worker
  # itself keeps to stop_s if it knows of no scale-in, and to the two minutes of a Spot interruption.
  stop_timeout_s = max(local.capacity.stop_s, local.capacity.hook_s)

  purchases = {
    spot = {
      min = local.capacity.min_vcpu
      max = local.capacity.max_vcpu
    }
    od = {
      min = local.capacity.on_demand.min_vcpu
      max = local.capacity.on_demand.max_vcpu
    }
  }

  tags = merge(var.tags, {
    "eddyline:prefix" = var.prefix
    "eddyline:pool"   = var.name
  })
}

resource "aws_ecs_cluster" "this" {
  name = local.base
  tags = local.tags

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts with its own keys; log_kms_key_arn sets another one
  #checkov:skip=CKV_AWS_338:The logs of workers are for operation; log_retention_days sets the period
  name              = "/eddyline/${local.base}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = local.tags
}
