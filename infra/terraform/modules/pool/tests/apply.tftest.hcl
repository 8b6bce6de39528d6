# Applied with a mock of the provider, and destroyed.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_ssm_parameter" {
    defaults = { insecure_value = "ami-0123456789abcdef0" }
  }

  mock_data "aws_subnets" {
    defaults = { ids = ["subnet-0a"] }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }

  mock_resource "aws_iam_instance_profile" {
    defaults = { arn = "arn:aws:iam::123456789012:instance-profile/mock" }
  }

  mock_resource "aws_autoscaling_policy" {
    defaults = { arn = "arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:mock" }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/mock:1" }
  }

  mock_resource "aws_ecs_cluster" {
    defaults = { id = "arn:aws:ecs:eu-west-1:123456789012:cluster/mock", arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/mock" }
  }

  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0" }
  }
}

variables {
  name                      = "cpu"
  image                     = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/eddyline/cpu:1.0.0"
  image_repository_arn      = "arn:aws:ecr:eu-west-1:123456789012:repository/eddyline/cpu"
  vpc_id                    = "vpc-0123456789abcdef0"
  subnet_ids                = ["subnet-0a", "subnet-0b"]
  security_group_ids        = ["sg-0123456789abcdef0"]
  store                     = "s3://media/films"
  media_bucket_arn          = "arn:aws:s3:::media"
  command_queue_arn_pattern = "arn:aws:sqs:eu-west-1:123456789012:eddyline-to-*"
  report_queue_arns         = ["arn:aws:sqs:eu-west-1:123456789012:eddyline-answers"]
  job_queue_arns            = { cpu = ["arn:aws:sqs:eu-west-1:123456789012:eddyline-cpu-p0"] }
}

run "applied" {
  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        max_vcpu  = 64
        types     = { "c7i.4xlarge" = 16 }
        zones     = ["eu-west-1a"]
        on_demand = { max_vcpu = 32 }
      }
    }
  }

  assert {
    condition     = output.cluster_name == "eddyline-cpu" && output.group_names == { spot = "eddyline-cpu-spot", od = "eddyline-cpu-od" }
    error_message = "names"
  }

  assert {
    condition     = output.ami_id == "ami-0123456789abcdef0" && output.log_group_name == "/eddyline/eddyline-cpu"
    error_message = "outputs"
  }

  assert {
    condition     = aws_autoscaling_group.this["spot"].vpc_zone_identifier == toset(["subnet-0a"])
    error_message = "only the subnets in the zones of the pool"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.scaling["od-in"].alarm_actions == toset([aws_autoscaling_policy.on_demand_in[0].arn])
    error_message = "the alarm runs its policy"
  }

  assert {
    condition     = aws_autoscaling_group.this["spot"].mixed_instances_policy[0].launch_template[0].launch_template_specification[0].launch_template_id == aws_launch_template.this["spot"].id
    error_message = "each group has its launch template"
  }
}

run "another_image" {
  variables {
    ami_id                  = "ami-0fedcba9876543210"
    minimum_healthy_percent = 90
    pool = {
      kinds    = ["chunk"]
      cost     = 1
      slot     = { vcpu = 2, memory_mib = 3584 }
      capacity = { max_vcpu = 64, types = { "c7i.4xlarge" = 16 } }
    }
  }

  assert {
    condition     = aws_launch_template.this["spot"].image_id == "ami-0fedcba9876543210" && length(data.aws_ssm_parameter.ami) == 0
    error_message = "the AMI of the variable"
  }

  assert {
    condition     = aws_autoscaling_group.this["spot"].vpc_zone_identifier == toset(["subnet-0a", "subnet-0b"])
    error_message = "all subnets"
  }

  assert {
    condition     = aws_ecs_service.this.deployment_minimum_healthy_percent == 90
    error_message = "a tenth of the workers at a time"
  }

  assert {
    condition     = length(aws_autoscaling_policy.on_demand_out) == 0 && keys(aws_cloudwatch_metric_alarm.scaling) == ["spot-from-zero"]
    error_message = "no policies for a group that stays empty"
  }
}
