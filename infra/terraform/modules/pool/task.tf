locals {
  environment = merge(
    var.environment,
    {
      AWS_REGION      = local.region
      EDDYLINE_STORE  = var.store
      EDDYLINE_QUEUES = var.prefix
      EDDYLINE_WORK   = "/scratch"
      EDDYLINE_HEALTH = "/tmp/eddyline-health.json"
    },
    var.pool.gpu == null ? {} : { NVIDIA_DRIVER_CAPABILITIES = "compute,utility,video" }, # video: NVENC and NVDEC
  )

  container = {
    name       = "worker"
    image      = var.image
    command    = ["worker", "--pool", var.name]
    essential  = true
    user       = "${local.user}:${local.user}"
    privileged = false
    # A reservation, not a limit: machines of a pool differ in size, and the worker counts its slots by the machine.
    memoryReservation      = var.pool.slot.memory_mib + 256
    readonlyRootFilesystem = true
    stopTimeout            = local.stop_timeout_s
    environment            = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
    mountPoints            = [{ sourceVolume = "scratch", containerPath = "/scratch", readOnly = false }]

    ulimits = [
      { name = "nofile", softLimit = 65536, hardLimit = 65536 },
      { name = "core", softLimit = 0, hardLimit = 0 },
    ]

    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
      tmpfs              = [{ containerPath = "/tmp", size = 256, mountOptions = ["nodev", "nosuid"] }]
    }

    healthCheck = {
      command     = ["CMD", "eddyline", "health"]
      interval    = 30
      timeout     = 10
      retries     = 10 # five minutes: a machine under full load answers late
      startPeriod = 120
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = local.region
        awslogs-stream-prefix = "worker"
        mode                  = "non-blocking"
        max-buffer-size       = "25m"
      }
    }
  }
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.base
  requires_compatibilities = ["EC2"]
  task_role_arn            = aws_iam_role.task.arn
  tags                     = local.tags

  # The network of the machine: behind a hop limit of 1, it is the only way to the instance metadata. A worker listens
  # on the loopback interface at most, and the security group accepts no connections.
  network_mode = "host"

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.pool.arch)
  }

  volume {
    name      = "scratch"
    host_path = local.scratch
  }

  container_definitions = jsonencode([merge(
    local.container,
    var.pool.gpu == null ? {} : { resourceRequirements = [{ type = "GPU", value = "1" }] },
  )])
}

resource "aws_ecs_service" "this" {
  #checkov:skip=CKV_AWS_332:The platform version is a setting of Fargate
  name                = local.base
  cluster             = aws_ecs_cluster.this.id
  task_definition     = aws_ecs_task_definition.this.arn
  scheduling_strategy = "DAEMON"
  launch_type         = "EC2"
  propagate_tags      = "SERVICE"
  tags                = local.tags

  enable_ecs_managed_tags = true
  enable_execute_command  = false

  # One worker on each machine, never two. With a minimum above 0, DRAINING can wait for replacements on machines that
  # are still starting, and a Spot Instance would end before ECS stops its worker.
  deployment_minimum_healthy_percent = var.minimum_healthy_percent
  deployment_maximum_percent         = 100

  # A revision whose workers do not start (a missing encoder, for example) is rolled back.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  # Deleting the service drains its workers: they have the hook's time.
  force_delete = true

  timeouts {
    delete = "${ceil(local.stop_timeout_s / 60) + 15}m"
  }

  depends_on = [aws_iam_role_policy.task, aws_autoscaling_group.this, aws_autoscaling_lifecycle_hook.drain]
}
