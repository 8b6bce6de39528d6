locals {
  ami_variant = var.pool.gpu != null ? "gpu/" : var.pool.arch == "arm64" ? "arm64/" : ""
  ami_id      = var.ami_id != null ? var.ami_id : one(data.aws_ssm_parameter.ami[*].insecure_value)

  scratch = "/var/lib/eddyline/scratch"
  user    = 10001 # as in infra/docker
}

# AWS publishes the ID of the current image. Another one changes the launch templates, and with them all machines, by an
# instance refresh that drains one machine after the other.
data "aws_ssm_parameter" "ami" {
  count = var.ami_id == null ? 1 : 0

  name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/${local.ami_variant}recommended/image_id"
}

resource "aws_launch_template" "this" {
  for_each = local.purchases

  name                                 = "${local.base}-${each.key}"
  description                          = "Machines of the pool ${var.name}"
  image_id                             = local.ami_id
  update_default_version               = true
  instance_initiated_shutdown_behavior = "terminate"
  tags                                 = local.tags

  user_data = base64encode(templatefile("${path.module}/user_data.sh.tftpl", {
    cluster        = aws_ecs_cluster.this.name
    stop_timeout_s = local.stop_timeout_s
    pool           = var.name
    purchase       = each.key
    gpu            = var.pool.gpu != null
    scratch        = local.scratch
    user           = local.user
  }))

  iam_instance_profile {
    arn = aws_iam_instance_profile.this.arn
  }

  # IMDSv2 only. With a hop limit of 1, containers with a network of their own cannot reach it; workers need it for
  # Spot and scale-in notices, so they share the network of the machine (see the task definition).
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }

  network_interfaces {
    associate_public_ip_address = false
    delete_on_termination       = true
    security_groups             = var.security_group_ids
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = 30
      encrypted             = true
      kms_key_id            = var.ebs_kms_key_arn
      delete_on_termination = true
    }
  }

  block_device_mappings {
    device_name = "/dev/sdf"

    ebs {
      volume_type           = "gp3"
      volume_size           = local.capacity.scratch.gib
      iops                  = local.capacity.scratch.iops
      throughput            = local.capacity.scratch.throughput
      encrypted             = true
      kms_key_id            = var.ebs_kms_key_arn
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])

    content {
      resource_type = tag_specifications.value
      tags          = merge(local.tags, { Name = "${local.base}-${each.key}", "eddyline:purchase" = each.key })
    }
  }
}
