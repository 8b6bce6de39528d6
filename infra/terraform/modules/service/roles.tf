data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}

locals {
  # ARNs of resources of this module, known before they exist, so that a plan shows the policies.
  logs    = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:log-group:/${var.prefix}/service"
  cluster = "arn:${data.aws_partition.current.partition}:ecs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:cluster/${var.prefix}-service"

  sqs = "arn:${data.aws_partition.current.partition}:sqs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"

  groups = "arn:${data.aws_partition.current.partition}:autoscaling:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:autoScalingGroup:*:autoScalingGroupName"

  policies = {
    coordinator = data.aws_iam_policy_document.coordinator.json
    ingest      = data.aws_iam_policy_document.ingest.json
  }
}

# Only tasks of this account's cluster: the conditions prevent another account's ECS from using the roles.
data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${data.aws_partition.current.partition}:ecs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:*"]
    }
  }
}

# What ECS needs to start a task: the image, the log and the ledger's password.
data "aws_iam_policy_document" "execution" {
  #checkov:skip=CKV_AWS_356:ecr:GetAuthorizationToken has no resource level
  statement {
    sid       = "Login"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "Image"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [var.image_repository_arn]
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [for name in keys(local.services) : "${local.logs}/${name}:*"]
  }

  statement {
    sid       = "Password"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.ledger_secret_arn]
  }

  dynamic "statement" {
    for_each = length(var.kms_key_arns) > 0 ? [1] : []

    content {
      sid       = "PasswordKey"
      actions   = ["kms:Decrypt"]
      resources = var.kms_key_arns
    }
  }
}

# docs/how-to/fleet.md explains the actions on queues; a test compares.
data "aws_iam_policy_document" "coordinator" {
  #checkov:skip=CKV_AWS_356:The actions on * have no resource level; infra/README.md lists them
  #checkov:skip=CKV_AWS_111:cloudwatch:PutMetricData has no resource level, and is limited to one namespace
  statement {
    sid = "Queues"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:CreateQueue",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:GetQueueUrl",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
      "sqs:SetQueueAttributes",
    ]
    resources = [var.queue_arn_pattern]
  }

  # The command queues of lost workers.
  statement {
    sid       = "CommandQueues"
    actions   = ["sqs:DeleteQueue"]
    resources = [var.command_queue_arn_pattern]
  }

  statement {
    sid       = "ListQueues"
    actions   = ["sqs:ListQueues"]
    resources = ["*"]
  }

  statement {
    sid       = "Metrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["Eddyline"]
    }
  }

  # The fleet record is compared with the instances that exist, and has the Spot prices of their types.
  statement {
    sid       = "Instances"
    actions   = ["ec2:DescribeInstances", "ec2:DescribeSpotPriceHistory"]
    resources = ["*"]
  }

  # The scaler of pools with scaling: eddyline.
  dynamic "statement" {
    for_each = length(var.scaled_pools) > 0 ? [1] : []

    content {
      sid       = "DescribeGroups"
      actions   = ["autoscaling:DescribeAutoScalingGroups"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.scaled_pools) > 0 ? [1] : []

    content {
      sid = "ScaleGroups"
      actions = [
        "autoscaling:SetDesiredCapacity",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        "autoscaling:UpdateAutoScalingGroup",
      ]
      resources = [for pair in setproduct(var.scaled_pools, ["spot", "od"]) : "${local.groups}/${var.prefix}-${pair[0]}-${pair[1]}"]
    }
  }

  # EC2 Auto Scaling requires these of those who change a group's types, although it launches the machines.
  dynamic "statement" {
    for_each = length(var.scaled_pools) > 0 ? [1] : []

    content {
      sid       = "OrderTypes"
      actions   = ["ec2:RunInstances"]
      resources = ["*"]

      condition {
        test     = "ArnLike"
        variable = "ec2:LaunchTemplate"
        values   = ["arn:${data.aws_partition.current.partition}:ec2:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:launch-template/*"]
      }

      condition {
        test     = "Bool"
        variable = "ec2:IsLaunchTemplateResource"
        values   = ["true"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.scaled_pools) > 0 ? [1] : []

    content {
      sid       = "MachineRoles"
      actions   = ["iam:PassRole"]
      resources = [for pool in var.scaled_pools : "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${var.prefix}-${pool}-instance"]

      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["ec2.amazonaws.com"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.kms_key_arns) > 0 ? [1] : []

    content {
      sid       = "Keys"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = var.kms_key_arns
    }
  }
}

# docs/how-to/ingest.md and docs/how-to/stores.md explain the actions; a test compares.
data "aws_iam_policy_document" "ingest" {
  statement {
    sid = "Events"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:GetQueueUrl",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]
    resources = ["${local.sqs}:${var.ingest_queue_name}", "${local.sqs}:${var.ingest_queue_name}-dead"]
  }

  statement {
    sid       = "Uploads"
    actions   = ["s3:GetObject"]
    resources = ["${var.upload_bucket_arn}/*"]
  }

  # Without s3:ListBucket, S3 answers "access denied" instead of "not found".
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [var.upload_bucket_arn, var.media_bucket_arn]
  }

  statement {
    sid       = "Store"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.media_bucket_arn}/${join("/", slice(split("/", var.store), 3, length(split("/", var.store))))}/*"]
  }

  dynamic "statement" {
    for_each = length(var.kms_key_arns) > 0 ? [1] : []

    content {
      sid       = "Keys"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = var.kms_key_arns
    }
  }
}

resource "aws_iam_role" "execution" {
  name               = "${var.prefix}-service-execution"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "execution" {
  name   = "start-tasks"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

resource "aws_iam_role" "task" {
  for_each = local.services

  name               = "${var.prefix}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "task" {
  for_each = local.services

  name   = each.key
  role   = aws_iam_role.task[each.key].id
  policy = local.policies[each.key]
}
