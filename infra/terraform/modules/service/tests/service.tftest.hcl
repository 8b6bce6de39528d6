# The real provider with keys that no account has: policies are real JSON, and nothing is called.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = data.aws_ssm_parameter.ami
  values = { insecure_value = "ami-0123456789abcdef0" }
}

override_resource {
  target          = aws_ecs_cluster.this
  override_during = plan
  values          = { id = "arn:aws:ecs:eu-west-1:123456789012:cluster/eddyline-service", arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/eddyline-service" }
}

variables {
  image                     = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/eddyline/service:1.2.3"
  image_repository_arn      = "arn:aws:ecr:eu-west-1:123456789012:repository/eddyline/service"
  subnet_ids                = ["subnet-1", "subnet-2"]
  security_group_id         = "sg-service"
  store                     = "s3://example-media/eddyline"
  media_bucket_arn          = "arn:aws:s3:::example-media"
  upload_bucket_arn         = "arn:aws:s3:::example-uploads"
  ledger_url                = "postgresql://ledger.example:5432/eddyline?sslmode=verify-full&sslrootcert=/usr/local/share/eddyline/rds-ca.pem"
  ledger_secret_arn         = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0-AbCdEf"
  queue_arn_pattern         = "arn:aws:sqs:eu-west-1:123456789012:eddyline-*"
  command_queue_arn_pattern = "arn:aws:sqs:eu-west-1:123456789012:eddyline-to-*"
  ingest_queue_name         = "eddyline-ingest"
}

run "two_coordinators_on_fargate" {
  command = plan

  assert {
    condition     = { for name, each in aws_ecs_service.this : name => [each.desired_count, each.launch_type, each.name] } == { coordinator = [2, "FARGATE", "eddyline-coordinator"], ingest = [1, "FARGATE", "eddyline-ingest"] }
    error_message = "Two coordinators and one ingest, on Fargate."
  }

  assert {
    condition     = alltrue([for each in aws_ecs_service.this : each.deployment_circuit_breaker[0].enable && each.deployment_circuit_breaker[0].rollback && !each.network_configuration[0].assign_public_ip && !each.enable_execute_command])
    error_message = "A failing deployment is rolled back; tasks have no public address and no shell."
  }

  assert {
    condition     = aws_ecs_service.this["coordinator"].deployment_minimum_healthy_percent == 50
    error_message = "One of two coordinators runs during a deployment."
  }

  assert {
    condition     = aws_ecs_cluster.this.name == "eddyline-service" && length(aws_autoscaling_group.this) == 0
    error_message = "The cluster of the services has no instances."
  }
}

run "containers" {
  command = plan

  assert {
    condition = alltrue([for each in aws_ecs_task_definition.this : alltrue([for container in jsondecode(each.container_definitions) :
      container.readonlyRootFilesystem && container.user == "10001:10001" && container.linuxParameters.capabilities.drop == ["ALL"] && container.healthCheck.command == ["CMD", "eddyline", "health"]
    ])])
    error_message = "Containers run as a user other than root, on a read-only file system, without capabilities, with a health check."
  }

  assert {
    condition = { for each in jsondecode(aws_ecs_task_definition.this["coordinator"].container_definitions)[0].secrets : each.name => each.valueFrom } == {
      PGUSER     = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0-AbCdEf:username::"
      PGPASSWORD = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0-AbCdEf:password::"
    }
    error_message = "User and password come from the secret of RDS."
  }

  assert {
    condition = { for each in jsondecode(aws_ecs_task_definition.this["ingest"].container_definitions)[0].environment : each.name => each.value } == {
      AWS_REGION          = "eu-west-1"
      EDDYLINE_STORE      = var.store
      EDDYLINE_LEDGER     = var.ledger_url
      EDDYLINE_QUEUES     = "eddyline"
      EDDYLINE_HEALTH     = "/tmp/eddyline-health.json"
      EDDYLINE_CLOUDWATCH = "1"
    }
    error_message = "The settings of the processes."
  }

  assert {
    condition     = output.commands == { coordinator = ["coordinator", "--archive-after", "30"], ingest = ["ingest", "--events", "eddyline-ingest", "--profile", "default", "--json"] }
    error_message = "The command lines."
  }
}

run "roles" {
  command = plan

  assert {
    condition = alltrue([for policy in concat([for each in aws_iam_role_policy.task : each.policy], [aws_iam_role_policy.execution.policy]) :
      alltrue([for statement in jsondecode(policy).Statement : alltrue([for action in flatten([statement.Action]) : !strcontains(action, "*")])])
    ])
    error_message = "No action has a wildcard."
  }

  # The actions that AWS documents without a resource level, and no other, are allowed on *.
  assert {
    condition = toset(flatten([for policy in concat([for each in aws_iam_role_policy.task : each.policy], [aws_iam_role_policy.execution.policy]) :
      [for statement in jsondecode(policy).Statement : statement.Action if contains(flatten([statement.Resource]), "*")]
    ])) == toset(["ecr:GetAuthorizationToken", "sqs:ListQueues", "cloudwatch:PutMetricData", "ec2:DescribeInstances", "ec2:DescribeSpotPriceHistory"])
    error_message = "Only actions without a resource level are allowed on all resources."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.task["coordinator"].policy).Statement : statement.Condition.StringEquals["cloudwatch:namespace"] if statement.Sid == "Metrics"] == ["Eddyline"]
    error_message = "Coordinators publish metrics of one namespace."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.task["coordinator"].policy).Statement : statement.Resource if contains(flatten([statement.Action]), "sqs:DeleteQueue")] == ["arn:aws:sqs:eu-west-1:123456789012:eddyline-to-*"]
    error_message = "Coordinators delete only command queues."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.task["ingest"].policy).Statement : statement.Resource if statement.Sid == "Store"] == ["arn:aws:s3:::example-media/eddyline/*"]
    error_message = "Ingest writes below the prefix of the store."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role.execution.assume_role_policy).Statement : statement.Condition.StringEquals["aws:SourceAccount"]] == ["123456789012"]
    error_message = "Only ECS of this account takes the roles."
  }
}

run "logs" {
  command = plan

  assert {
    condition = toset(flatten([for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Resource if statement.Sid == "Logs"])) == toset([
      for group in aws_cloudwatch_log_group.this : "arn:aws:logs:eu-west-1:123456789012:log-group:${group.name}:*"
    ])
    error_message = "Tasks write to the log groups of the services."
  }
}

run "own_keys" {
  command = plan

  variables {
    kms_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"]
  }

  assert {
    condition     = alltrue([for policy in concat([for each in aws_iam_role_policy.task : each.policy], [aws_iam_role_policy.execution.policy]) : strcontains(policy, var.kms_key_arns[0])])
    error_message = "All roles may use the given keys."
  }
}

run "on_demand_instances" {
  command = plan

  variables {
    launch = "ec2"
    arch   = "arm64"
    ingest = { count = 0 }
  }

  assert {
    condition     = keys(aws_ecs_service.this) == ["coordinator"] && aws_ecs_service.this["coordinator"].launch_type == "EC2"
    error_message = "The coordinators run on instances, and no ingest runs."
  }

  assert {
    condition     = aws_launch_template.this[0].metadata_options[0].http_tokens == "required" && aws_launch_template.this[0].metadata_options[0].http_put_response_hop_limit == 1 && aws_launch_template.this[0].block_device_mappings[0].ebs[0].encrypted == "true"
    error_message = "IMDSv2 only, not reachable from containers; encrypted disks."
  }

  assert {
    condition     = length(aws_launch_template.this[0].instance_market_options) == 0 && aws_autoscaling_group.this[0].min_size == 2 && length(aws_autoscaling_group.this[0].launch_template) == 1
    error_message = "On-demand only."
  }

  assert {
    condition     = one(aws_ecs_task_definition.this["coordinator"].runtime_platform).cpu_architecture == "ARM64" && data.aws_ssm_parameter.ami[0].name == "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id"
    error_message = "Image and AMI have the given architecture."
  }

  assert {
    condition = toset(flatten([for statement in jsondecode(aws_iam_role_policy.instance[0].policy).Statement : statement.Action if contains(flatten([statement.Resource]), "*")])) == toset([
      "ecr:GetAuthorizationToken", "ecs:DiscoverPollEndpoint",
    ])
    error_message = "Only actions without a resource level are allowed on all resources."
  }
}

run "a_ledger_url_with_a_password_is_refused" {
  command = plan

  variables {
    ledger_url = "postgresql://eddyline:secret@ledger.example:5432/eddyline"
  }

  expect_failures = [var.ledger_url]
}

run "an_image_without_a_version_is_refused" {
  command = plan

  variables {
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/eddyline/service:latest"
  }

  expect_failures = [var.image]
}

run "coordinators_scale_the_named_pools_only" {
  command = plan

  variables {
    scaled_pools = ["cpu"]
  }

  assert {
    condition = toset(flatten([for each in jsondecode(aws_iam_role_policy.task["coordinator"].policy).Statement : each.Resource if each.Sid == "ScaleGroups"])) == toset([
      "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/eddyline-cpu-od",
      "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/eddyline-cpu-spot",
    ])
    error_message = "The two groups of the pool."
  }

  assert {
    condition     = toset(flatten([for each in jsondecode(aws_iam_role_policy.task["coordinator"].policy).Statement : each.Resource if each.Sid == "MachineRoles"])) == toset(["arn:aws:iam::123456789012:role/eddyline-cpu-instance"])
    error_message = "The role of the machines of the pool."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.task["ingest"].policy, "autoscaling:")
    error_message = "Only coordinators scale."
  }
}

run "without_such_pools_coordinators_scale_nothing" {
  command = plan

  assert {
    condition     = !strcontains(aws_iam_role_policy.task["coordinator"].policy, "autoscaling:") && !strcontains(aws_iam_role_policy.task["coordinator"].policy, "RunInstances")
    error_message = "No permission that is not needed."
  }
}
