# On-demand instances for launch = ec2. Fargate needs none of this.
locals {
  on_instances = var.launch == "ec2" ? 1 : 0
  ami_name     = "/aws/service/ecs/optimized-ami/amazon-linux-2023/${var.arch == "arm64" ? "arm64/" : ""}recommended/image_id"
}

data "aws_ssm_parameter" "ami" {
  count = local.on_instances == 1 && var.instances.ami_id == null ? 1 : 0

  name = local.ami_name
}

data "aws_iam_policy_document" "instance_assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

# What the ECS agent needs, on this cluster only.
data "aws_iam_policy_document" "instance" {
  #checkov:skip=CKV_AWS_356:ecs:DiscoverPollEndpoint and ecr:GetAuthorizationToken have no resource level
  statement {
    sid       = "NoResourceLevel"
    actions   = ["ecr:GetAuthorizationToken", "ecs:DiscoverPollEndpoint"]
    resources = ["*"]
  }

  statement {
    sid       = "Cluster"
    actions   = ["ecs:DeregisterContainerInstance", "ecs:RegisterContainerInstance"]
    resources = [local.cluster]
  }

  statement {
    sid       = "ContainerInstance"
    actions   = ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:SubmitAttachmentStateChanges", "ecs:SubmitContainerStateChange", "ecs:SubmitTaskStateChange", "ecs:UpdateContainerInstancesState"]
    resources = [local.cluster, replace("${local.cluster}/*", ":cluster/", ":container-instance/"), replace("${local.cluster}/*", ":cluster/", ":task/")]
  }
}

resource "aws_iam_role" "instance" {
  count = local.on_instances

  name               = "${var.prefix}-service-instance"
  assume_role_policy = data.aws_iam_policy_document.instance_assume.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "instance" {
  count = local.on_instances

  name   = "ecs-agent"
  role   = aws_iam_role.instance[0].id
  policy = data.aws_iam_policy_document.instance.json
}

resource "aws_iam_instance_profile" "instance" {
  count = local.on_instances

  name = "${var.prefix}-service-instance"
  role = aws_iam_role.instance[0].name
  tags = var.tags
}

resource "aws_launch_template" "this" {
  count = local.on_instances

  name                   = "${var.prefix}-service"
  image_id               = coalesce(var.instances.ami_id, one(data.aws_ssm_parameter.ami[*].insecure_value))
  instance_type          = var.instances.type
  vpc_security_group_ids = [var.security_group_id]
  update_default_version = true
  tags                   = var.tags

  user_data = base64encode(<<-EOT
    #!/bin/bash
    cat >> /etc/ecs/ecs.config <<'CONFIG'
    ECS_CLUSTER=${aws_ecs_cluster.this.name}
    ECS_AWSVPC_BLOCK_IMDS=true
    ECS_ENABLE_TASK_IAM_ROLE=true
    ECS_CONTAINER_STOP_TIMEOUT=30s
    CONFIG
  EOT
  )

  iam_instance_profile {
    arn = aws_iam_instance_profile.instance[0].arn
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  monitoring {
    enabled = true
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = 30
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = merge(var.tags, { Name = "${var.prefix}-service" })
  }
}

resource "aws_autoscaling_group" "this" {
  count = local.on_instances

  name                = "${var.prefix}-service"
  min_size            = var.instances.count
  max_size            = var.instances.count + 1 # for an instance refresh
  vpc_zone_identifier = var.subnet_ids
  health_check_type   = "EC2"

  launch_template {
    id      = aws_launch_template.this[0].id
    version = aws_launch_template.this[0].latest_version
  }

  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = 50
    }
  }

  dynamic "tag" {
    for_each = var.tags

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }
}
