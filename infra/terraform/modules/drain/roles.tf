# The table of aws/lambdas/permissions.py, and the function's own log. A test compares.
locals {
  ecs_clusters  = "arn:${local.partition}:ecs:${local.place}:cluster/${var.prefix}-*"
  ecs_instances = "arn:${local.partition}:ecs:${local.place}:container-instance/${var.prefix}-*/*"
  ecs_tasks     = "arn:${local.partition}:ecs:${local.place}:task/${var.prefix}-*/*"
  asg           = "arn:${local.partition}:autoscaling:${local.place}:autoScalingGroup:*:autoScalingGroupName/${var.prefix}-*"
  sqs           = "arn:${local.partition}:sqs:${local.place}:${var.prefix}-"

  receive = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]

  permissions = {
    general-drain = [
      { sid = "NoResourceLevel", resource = "*", actions = ["autoscaling:DescribeAutoScalingInstances"] },
      { sid = "Hooks", resource = local.asg, actions = ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"] },
      { sid = "Clusters", resource = local.ecs_clusters, actions = ["ecs:ListContainerInstances"] },
      { sid = "Instances", resource = local.ecs_instances, actions = ["ecs:DescribeContainerInstances", "ecs:ListTasks", "ecs:PutAttributes", "ecs:UpdateContainerInstancesState"] },
      { sid = "Tasks", resource = local.ecs_tasks, actions = ["ecs:DescribeTasks"] },
      { sid = "Fleet", resource = "${local.sqs}fleet", actions = ["sqs:SendMessage"] },
      { sid = "Checks", resource = "${local.sqs}drain", actions = concat(local.receive, ["sqs:SendMessage"]) },
      { sid = "Failures", resource = "${local.sqs}events-dead", actions = ["sqs:SendMessage"] },
    ]
    spot-drain = [
      { sid = "NoResourceLevel", resource = "*", actions = ["autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeScalingActivities", "ec2:DescribeInstances"] },
      { sid = "SpotGroups", resource = "${local.asg}-spot", actions = ["autoscaling:TerminateInstanceInAutoScalingGroup"] },
      { sid = "Clusters", resource = local.ecs_clusters, actions = ["ecs:ListContainerInstances"] },
      { sid = "Instances", resource = local.ecs_instances, actions = ["ecs:UpdateContainerInstancesState"] },
      { sid = "Fleet", resource = "${local.sqs}fleet", actions = ["sqs:SendMessage"] },
      { sid = "Events", resource = "${local.sqs}spot-drain", actions = local.receive },
    ]
    spot-metrics = [
      { sid = "NoResourceLevel", resource = "*", actions = ["ec2:DescribeInstances"] },
      { sid = "Fleet", resource = "${local.sqs}fleet", actions = ["sqs:SendMessage"] },
      { sid = "Events", resource = "${local.sqs}spot-metrics", actions = local.receive },
    ]
  }
}

data "aws_iam_policy_document" "functions" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "this" {
  #checkov:skip=CKV_AWS_356:The Describe actions have no resource level
  for_each = local.permissions

  dynamic "statement" {
    for_each = each.value

    content {
      sid       = statement.value.sid
      actions   = statement.value.actions
      resources = [statement.value.resource]
    }
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.place}:log-group:/aws/lambda/${var.prefix}-${each.key}:*"]
  }

  dynamic "statement" {
    for_each = length(var.kms_key_arns) + (var.kms_key_arn == null ? 0 : 1) > 0 ? [1] : []

    content {
      sid       = "Keys"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = distinct(concat(var.kms_key_arns, var.kms_key_arn[*]))
    }
  }
}

# Module queues lets only roles with these names send to the fleet queue.
resource "aws_iam_role" "this" {
  for_each = local.permissions

  name               = "${var.prefix}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.functions.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = local.permissions

  name   = each.key
  role   = aws_iam_role.this[each.key].id
  policy = data.aws_iam_policy_document.this[each.key].json
}
