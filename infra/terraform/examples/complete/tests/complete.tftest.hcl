# The whole example is planned with a mock of the provider: the tests of the modules use the real one.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_ssm_parameter" {
    defaults = { insecure_value = "ami-0123456789abcdef0" }
  }

  mock_data "aws_ec2_managed_prefix_list" {
    defaults = { id = "pl-6da54004" }
  }
}

variables {
  region        = "eu-west-1"
  zones         = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  bucket_suffix = "123456789012"
  image_tags    = { service = "1.0.0", cpu = "1.0.0", gpu = "1.0.0" }
  package       = "main.tf" # any file
  emails        = ["operators@example.com"]
}

run "every_pool_with_machines" {
  command = plan

  assert {
    condition     = toset(keys(output.group_names)) == toset([for name, pool in yamldecode(file(var.pools_file)).pools : name if pool.capacity.max_vcpu > 0])
    error_message = "All pools with max_vcpu above 0 have groups."
  }

  assert {
    condition     = output.group_names["gpu"] == { spot = "eddyline-gpu-spot", od = "eddyline-gpu-od" }
    error_message = "Two groups for each pool."
  }

  assert {
    condition     = toset(keys(output.log_groups)) == setunion(keys(output.group_names), ["coordinator", "ingest"])
    error_message = "Each process has a log group."
  }
}

run "two_zones_are_refused" {
  command = plan

  variables {
    zones = ["eu-west-1a", "eu-west-1b"]
  }

  expect_failures = [var.zones]
}
