# Plans of the shipped pools with the real provider, offline: fake keys, and no calls of AWS. tests/infra/ reads the same
# plans and compares them with pools.yaml, the scaling policies and the documented permissions.

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "fake"
  secret_key                  = "fake"
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

variables {
  image                     = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/eddyline/cpu:1.0.0"
  image_repository_arn      = "arn:aws:ecr:eu-west-1:123456789012:repository/eddyline/cpu"
  vpc_id                    = "vpc-0123456789abcdef0"
  subnet_ids                = ["subnet-0a", "subnet-0b", "subnet-0c"]
  security_group_ids        = ["sg-0123456789abcdef0"]
  store                     = "s3://media/films"
  media_bucket_arn          = "arn:aws:s3:::media"
  source_bucket_arns        = ["arn:aws:s3:::uploads"]
  command_queue_arn_pattern = "arn:aws:sqs:eu-west-1:123456789012:eddyline-to-*"
  report_queue_arns         = ["arn:aws:sqs:eu-west-1:123456789012:eddyline-answers", "arn:aws:sqs:eu-west-1:123456789012:eddyline-dead"]
  job_queue_arns = {
    for name in ["light", "cpu", "memory", "gpu", "cpu-classic", "graviton"] : name => [
      for priority in [0, 10, 100, 110] : "arn:aws:sqs:eu-west-1:123456789012:eddyline-${name}-p${priority}"
    ]
  }
}

run "cpu" {
  command = plan

  variables {
    name = "cpu"
    pool = yamldecode(file("../../../../src/eddyline/fleet/pools.yaml")).pools["cpu"]
  }

  assert {
    condition     = aws_ecs_cluster.this.name == "eddyline-cpu" && aws_ecs_service.this.name == "eddyline-cpu" && aws_ecs_task_definition.this.family == "eddyline-cpu"
    error_message = "cluster, service and task family must have the names of fleet/names.py"
  }

  assert {
    condition     = aws_ecs_service.this.scheduling_strategy == "DAEMON" && aws_ecs_service.this.launch_type == "EC2"
    error_message = "a worker runs on each machine"
  }

  assert {
    condition     = aws_ecs_service.this.deployment_minimum_healthy_percent == 0 && aws_ecs_service.this.deployment_maximum_percent == 100
    error_message = "with a minimum above 0, draining waits for replacements"
  }

  assert {
    condition     = { for key, group in aws_autoscaling_group.this : key => group.name } == { spot = "eddyline-cpu-spot", od = "eddyline-cpu-od" }
    error_message = "the groups must have the names of fleet/names.py"
  }

  assert {
    condition     = aws_autoscaling_group.this["spot"].min_size == 0 && aws_autoscaling_group.this["spot"].max_size == 3200 && aws_autoscaling_group.this["od"].max_size == 320
    error_message = "bounds in vCPU"
  }

  assert {
    condition     = alltrue([for group in aws_autoscaling_group.this : group.desired_capacity_type == "vcpu"])
    error_message = "capacity in vCPU with attributes"
  }

  assert {
    condition     = aws_autoscaling_group.this["spot"].mixed_instances_policy[0].instances_distribution[0].spot_allocation_strategy == "capacity-optimized"
    error_message = "capacity-optimized"
  }

  assert {
    condition     = { for key, group in aws_autoscaling_group.this : key => group.mixed_instances_policy[0].instances_distribution[0].on_demand_percentage_above_base_capacity } == { spot = 0, od = 100 }
    error_message = "one group is all Spot, the other all On-Demand"
  }

  assert {
    condition     = alltrue([for group in aws_autoscaling_group.this : group.mixed_instances_policy[0].launch_template[0].override[0].instance_requirements[0].memory_mib[0].min == 32768 && group.mixed_instances_policy[0].launch_template[0].override[0].instance_requirements[0].memory_mib[0].max == 131072])
    error_message = "memory"
  }

  assert {
    condition     = alltrue([for group in aws_autoscaling_group.this : group.mixed_instances_policy[0].launch_template[0].override[0].instance_requirements[0].vcpu_count[0].min == 32 && group.mixed_instances_policy[0].launch_template[0].override[0].instance_requirements[0].vcpu_count[0].max == 64])
    error_message = "vCPU"
  }

  assert {
    condition     = alltrue([for group in aws_autoscaling_group.this : group.mixed_instances_policy[0].launch_template[0].override[0].instance_requirements[0].cpu_manufacturers == toset(["amd", "intel"])])
    error_message = "manufacturers"
  }

  assert {
    condition     = alltrue([for group in aws_autoscaling_group.this : group.mixed_instances_policy[0].launch_template[0].override[0].instance_requirements[0].excluded_instance_types == toset(["a*", "t*", "m6g*", "c6g*", "c7g*", "d*", "h*", "i*", "g*", "p*", "inf1*", "dl*", "vt*", "x*", "r6g*", "z1*", "f1*"])])
    error_message = "excluded types"
  }

  assert {
    condition     = aws_autoscaling_group.this["od"].mixed_instances_policy[0].launch_template[0].override[0].instance_requirements[0].on_demand_max_price_percentage_over_lowest_price == 300 && aws_autoscaling_group.this["spot"].mixed_instances_policy[0].launch_template[0].override[0].instance_requirements[0].spot_max_price_percentage_over_lowest_price == 100
    error_message = "price protection; the default of 20 % leaves 9 of 75 types On-Demand"
  }

  assert {
    condition     = alltrue([for group in aws_autoscaling_group.this : group.suspended_processes == toset(["AZRebalance"]) && !group.capacity_rebalance && !group.protect_from_scale_in])
    error_message = "nothing but the policies and Spot interruptions ends machines"
  }

  assert {
    condition     = alltrue([for group in aws_autoscaling_group.this : group.force_delete && group.wait_for_capacity_timeout == "0"])
    error_message = "neither apply nor destroy waits for machines"
  }

  assert {
    condition     = alltrue([for hook in aws_autoscaling_lifecycle_hook.drain : hook.name == "eddyline-drain" && hook.default_result == "CONTINUE" && hook.heartbeat_timeout == 900 && hook.lifecycle_transition == "autoscaling:EC2_INSTANCE_TERMINATING"])
    error_message = "the hook grants the pool's time, and an unanswered one ends"
  }

  assert {
    condition     = alltrue([for template in aws_launch_template.this : template.metadata_options[0].http_tokens == "required" && template.metadata_options[0].http_put_response_hop_limit == 1 && template.metadata_options[0].http_endpoint == "enabled"])
    error_message = "IMDSv2 with a hop limit of 1"
  }

  assert {
    condition     = aws_ecs_task_definition.this.network_mode == "host"
    error_message = "behind a hop limit of 1, only the machine's network reaches the instance metadata"
  }

  assert {
    condition     = alltrue(flatten([for template in aws_launch_template.this : [for device in template.block_device_mappings : device.ebs[0].encrypted == "true" && device.ebs[0].volume_type == "gp3" && device.ebs[0].delete_on_termination == "true"]]))
    error_message = "encrypted gp3 volumes that end with the machine"
  }

  assert {
    condition     = alltrue([for template in aws_launch_template.this : template.block_device_mappings[1].ebs[0].volume_size == 200 && template.block_device_mappings[1].ebs[0].iops == 3000 && template.block_device_mappings[1].ebs[0].throughput == 250])
    error_message = "the scratch volume of the pool"
  }

  assert {
    condition     = aws_launch_template.this["spot"].image_id == "ami-0123456789abcdef0" && data.aws_ssm_parameter.ami[0].name == "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
    error_message = "the image that AWS publishes for x86_64"
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this["spot"].user_data), "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true\n") && strcontains(base64decode(aws_launch_template.this["spot"].user_data), "ECS_CLUSTER=eddyline-cpu\n") && strcontains(base64decode(aws_launch_template.this["spot"].user_data), "ECS_CONTAINER_STOP_TIMEOUT=900s\n")
    error_message = "settings of the ECS agent"
  }

  assert {
    condition     = !strcontains(base64decode(aws_launch_template.this["spot"].user_data), "GPU")
    error_message = "no GPU settings"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].stopTimeout == 900
    error_message = "the longer of stop_s and hook_s"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "10001:10001" && !jsondecode(aws_ecs_task_definition.this.container_definitions)[0].privileged && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].linuxParameters.capabilities.drop == ["ALL"]
    error_message = "an unprivileged container with a read-only root"
  }

  assert {
    condition     = aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "X86_64" && !can(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].resourceRequirements)
    error_message = "x86_64 without GPU"
  }

  assert {
    condition     = aws_ecs_service.this.timeouts.delete == "30m"
    error_message = "destroying the service takes as long as its workers may drain"
  }

  assert {
    condition     = length(aws_autoscaling_policy.predictive) == 0
    error_message = "predictive scaling is an option"
  }
}

run "light" {
  command = plan

  variables {
    name = "light"
    pool = yamldecode(file("../../../../src/eddyline/fleet/pools.yaml")).pools["light"]
  }
}

run "memory" {
  command = plan

  variables {
    name = "memory"
    pool = yamldecode(file("../../../../src/eddyline/fleet/pools.yaml")).pools["memory"]
  }

  assert {
    condition     = { for override in aws_autoscaling_group.this["spot"].mixed_instances_policy[0].launch_template[0].override : override.instance_type => override.weighted_capacity } == { "r5b.4xlarge" = "16", "r4.4xlarge" = "16" }
    error_message = "the types of the pool with their vCPU"
  }

  assert {
    condition     = aws_autoscaling_group.this["spot"].desired_capacity_type == null
    error_message = "weights, not attributes, count vCPU"
  }
}

run "gpu" {
  command = plan

  variables {
    name = "gpu"
    pool = yamldecode(file("../../../../src/eddyline/fleet/pools.yaml")).pools["gpu"]
  }

  assert {
    condition     = { for override in aws_autoscaling_group.this["od"].mixed_instances_policy[0].launch_template[0].override : override.instance_type => override.weighted_capacity } == { "g4dn.xlarge" = "4" }
    error_message = "the types of the pool with their vCPU"
  }

  assert {
    condition     = data.aws_ssm_parameter.ami[0].name == "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"
    error_message = "the image with GPU drivers"
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this["spot"].user_data), "ECS_ENABLE_GPU_SUPPORT=true\n")
    error_message = "the agent assigns GPUs"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].resourceRequirements == [{ type = "GPU", value = "1" }]
    error_message = "the worker has a GPU"
  }

  assert {
    condition     = contains(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment, { name = "NVIDIA_DRIVER_CAPABILITIES", value = "compute,utility,video" })
    error_message = "NVENC needs the capability video"
  }
}

run "cpu_classic" {
  command = plan

  variables {
    name = "cpu-classic"
    pool = yamldecode(file("../../../../src/eddyline/fleet/pools.yaml")).pools["cpu-classic"]
  }

  assert {
    condition     = { for override in aws_autoscaling_group.this["spot"].mixed_instances_policy[0].launch_template[0].override : override.instance_type => override.weighted_capacity } == { "c3.4xlarge" = "16", "c3.8xlarge" = "32", "c4.4xlarge" = "16", "c4.8xlarge" = "36" }
    error_message = "the types of the pool with their vCPU"
  }
}

run "graviton" {
  command = plan

  variables {
    name = "graviton"
    pool = yamldecode(file("../../../../src/eddyline/fleet/pools.yaml")).pools["graviton"]
  }

  assert {
    condition     = aws_ecs_task_definition.this.runtime_platform[0].cpu_architecture == "ARM64"
    error_message = "arm64"
  }

  assert {
    condition     = data.aws_ssm_parameter.ami[0].name == "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id"
    error_message = "the image for arm64"
  }
}

run "predictive" {
  command = plan

  variables {
    name = "cpu"
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        max_vcpu   = 64
        types      = { "c7i.4xlarge" = 16 }
        predictive = true
      }
    }
  }

  assert {
    condition     = aws_autoscaling_policy.predictive[0].predictive_scaling_configuration[0].mode == "ForecastAndScale"
    error_message = "predictive scaling"
  }
}

run "scaled_by_eddyline" {
  command = plan

  variables {
    name = "cpu"
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        max_vcpu  = 64
        types     = { "c7i.4xlarge" = 16, "c7a.4xlarge" = 16 }
        on_demand = { max_vcpu = 32 }
        scaling   = "eddyline"
      }
    }
  }

  assert {
    condition     = length(aws_autoscaling_policy.backlog) == 0 && length(aws_autoscaling_policy.from_zero) == 0 && length(aws_autoscaling_policy.on_demand_out) == 0 && length(aws_autoscaling_policy.on_demand_in) == 0 && length(aws_autoscaling_policy.predictive) == 0 && length(aws_cloudwatch_metric_alarm.scaling) == 0
    error_message = "only coordinators scale the groups"
  }

  assert {
    condition     = alltrue([for group in aws_autoscaling_group.this : group.protect_from_scale_in && group.instance_refresh[0].preferences[0].scale_in_protected_instances == "Refresh"])
    error_message = "a desired capacity ends no machine; a new launch template replaces them"
  }

  assert {
    condition     = aws_autoscaling_group.this["spot"].mixed_instances_policy[0].instances_distribution[0].spot_allocation_strategy == "capacity-optimized-prioritized"
    error_message = "AWS regards the order of types"
  }

  assert {
    condition     = aws_autoscaling_group.this["spot"].max_size == 64 && aws_autoscaling_group.this["od"].max_size == 32
    error_message = "the bounds stay"
  }
}

run "another_store" {
  command = plan

  variables {
    name  = "memory"
    pool  = yamldecode(file("../../../../src/eddyline/fleet/pools.yaml")).pools["memory"]
    store = "s3://media"
  }

  assert {
    condition     = contains([for statement in jsondecode(data.aws_iam_policy_document.task.json).Statement : try(statement.Resource, "") if statement.Sid == "Store"], "arn:aws:s3:::media/*")
    error_message = "a store without a prefix is the whole bucket"
  }
}
