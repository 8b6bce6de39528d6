data "aws_iam_policy_document" "instances" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

# Only tasks of this pool: the conditions keep ECS from assuming the role for another account or cluster.
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
      values   = [local.account]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["${local.ecs}:*"]
    }
  }
}

# What the ECS agent does, in this cluster only; and pulling the image and writing logs, which Docker does in the name of
# the machine. Workers share the machine's network and could use this role: it must stay this small.
data "aws_iam_policy_document" "instance" {
  #checkov:skip=CKV_AWS_356:ecr:GetAuthorizationToken and ecs:DiscoverPollEndpoint have no resource level
  statement {
    sid       = "NoResourceLevel"
    actions   = ["ecr:GetAuthorizationToken", "ecs:DiscoverPollEndpoint"]
    resources = ["*"]
  }

  statement {
    sid = "Cluster"
    actions = [
      "ecs:DeregisterContainerInstance",
      "ecs:RegisterContainerInstance",
      "ecs:SubmitAttachmentStateChanges",
      "ecs:SubmitContainerStateChange",
      "ecs:SubmitTaskStateChange",
    ]
    resources = ["${local.ecs}:cluster/${local.base}"]
  }

  # UpdateContainerInstancesState: the agent sets its own instance to DRAINING on a Spot interruption.
  statement {
    sid       = "Instances"
    actions   = ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"]
    resources = ["${local.ecs}:container-instance/${local.base}/*"]
  }

  statement {
    sid       = "Image"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [var.image_repository_arn]
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${data.aws_partition.current.partition}:logs:${local.region}:${local.account}:log-group:/eddyline/${local.base}:*"]
  }
}

# docs/how-to/fleet.md and docs/how-to/stores.md explain the actions; a test compares.
data "aws_iam_policy_document" "task" {
  statement {
    sid = "Jobs"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueUrl",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]
    resources = flatten([for pool in distinct(concat([var.name], var.pool.serves)) : var.job_queue_arns[pool]])
  }

  statement {
    sid       = "Reports"
    actions   = ["sqs:GetQueueUrl", "sqs:SendMessage"]
    resources = var.report_queue_arns
  }

  # Each worker creates its queue of commands, and deletes it when it ends.
  statement {
    sid = "Commands"
    actions = [
      "sqs:CreateQueue",
      "sqs:DeleteMessage",
      "sqs:DeleteQueue",
      "sqs:GetQueueAttributes",
      "sqs:GetQueueUrl",
      "sqs:ReceiveMessage",
      "sqs:SetQueueAttributes",
    ]
    resources = [var.command_queue_arn_pattern]
  }

  statement {
    sid       = "Store"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.media_bucket_arn}/${local.store_prefix}*"]
  }

  # Without s3:ListBucket, S3 answers "access denied" instead of "not found".
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = concat([var.media_bucket_arn], var.source_bucket_arns)
  }

  statement {
    sid       = "Uploads"
    actions   = ["s3:ListBucketMultipartUploads"]
    resources = [var.media_bucket_arn]
  }

  dynamic "statement" {
    for_each = length(var.source_bucket_arns) > 0 ? [1] : []

    content {
      sid       = "Sources"
      actions   = ["s3:GetObject"]
      resources = [for arn in var.source_bucket_arns : "${arn}/*"]
    }
  }

  statement {
    sid       = "Protection"
    actions   = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
    resources = ["${local.ecs}:task/${local.base}/*"]
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

locals {
  # "films/" of s3://media/films, "" of s3://media.
  store_parts  = split("/", trimsuffix(var.store, "/"))
  store_prefix = length(local.store_parts) > 3 ? "${join("/", slice(local.store_parts, 3, length(local.store_parts)))}/" : ""
}

resource "aws_iam_role" "instance" {
  name               = "${local.base}-instance"
  assume_role_policy = data.aws_iam_policy_document.instances.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "instance" {
  name   = "ecs-agent"
  role   = aws_iam_role.instance.id
  policy = data.aws_iam_policy_document.instance.json
}

resource "aws_iam_role_policy_attachment" "instance" {
  for_each = toset(var.instance_policy_arns)

  role       = aws_iam_role.instance.name
  policy_arn = each.value
}

resource "aws_iam_instance_profile" "this" {
  name = "${local.base}-instance"
  role = aws_iam_role.instance.name
  tags = local.tags
}

resource "aws_iam_role" "task" {
  name               = local.base
  assume_role_policy = data.aws_iam_policy_document.tasks.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "task" {
  name   = "worker"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.task.json
}
