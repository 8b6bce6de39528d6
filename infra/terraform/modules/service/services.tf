data "aws_region" "current" {}

locals {
  # The same file as in infra/docker/compose.yaml; on the volume, because the root file system is read-only.
  health_file = "/tmp/eddyline-health.json"

  # Command lines: tests/infra/test_entry_points.py runs them as processes.
  services = merge(
    {
      coordinator = {
        count      = var.coordinators.count
        cpu        = var.coordinators.cpu
        memory_mib = var.coordinators.memory_mib
        command    = concat(["coordinator"], var.coordinators.archive_after_days == null ? [] : ["--archive-after", tostring(var.coordinators.archive_after_days)])
      }
    },
    var.ingest.count == 0 ? {} : {
      ingest = {
        count      = var.ingest.count
        cpu        = var.ingest.cpu
        memory_mib = var.ingest.memory_mib
        command    = ["ingest", "--events", var.ingest_queue_name, "--profile", var.ingest.profile, "--json"]
      }
    },
  )

  environment = merge(var.environment, {
    AWS_REGION          = data.aws_region.current.name
    EDDYLINE_STORE      = var.store
    EDDYLINE_LEDGER     = var.ledger_url
    EDDYLINE_QUEUES     = var.prefix
    EDDYLINE_HEALTH     = local.health_file
    EDDYLINE_CLOUDWATCH = "1" # the scaling policies act on these metrics
  })
}

resource "aws_ecs_task_definition" "this" {
  for_each = local.services

  family                   = "${var.prefix}-${each.key}"
  requires_compatibilities = [var.launch == "fargate" ? "FARGATE" : "EC2"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory_mib
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task[each.key].arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.arch)
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([{
    name                   = each.key
    image                  = var.image
    command                = each.value.command
    essential              = true
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    stopTimeout            = 30
    environment            = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]

    # The client library of PostgreSQL reads these. RDS rotates the password: a process that is refused then exits,
    # and its successor gets the new one.
    secrets = [
      { name = "PGUSER", valueFrom = "${var.ledger_secret_arn}:username::" },
      { name = "PGPASSWORD", valueFrom = "${var.ledger_secret_arn}:password::" },
    ]

    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
    }

    healthCheck = {
      command     = ["CMD", "eddyline", "health"]
      interval    = 30
      timeout     = 10
      retries     = 3
      startPeriod = 120
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this[each.key].name
        awslogs-region        = data.aws_region.current.name
        awslogs-stream-prefix = each.key
        mode                  = "non-blocking"
        max-buffer-size       = "4m"
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  for_each = local.services

  name            = "${var.prefix}-${each.key}"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.this[each.key].arn
  desired_count   = each.value.count
  launch_type     = var.launch == "fargate" ? "FARGATE" : "EC2"
  tags            = var.tags
  propagate_tags  = "SERVICE"

  platform_version        = var.launch == "fargate" ? "LATEST" : null
  enable_ecs_managed_tags = true
  enable_execute_command  = false

  # All processes may run twice at the same time: each job, command and event is taken by one of them.
  deployment_minimum_healthy_percent = each.value.count > 1 ? 50 : 0
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.security_group_id]
    assign_public_ip = false
  }

  # A task without its permissions would fail, and the circuit breaker would roll the deployment back.
  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task, aws_autoscaling_group.this]
}
