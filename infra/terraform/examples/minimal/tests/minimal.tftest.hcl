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
  zones         = ["eu-west-1a", "eu-west-1b"]
  bucket_suffix = "123456789012"
  package       = "main.tf" # any file
}

run "first_step" {
  command = plan

  assert {
    condition     = length(output.group_names) == 0 && output.service_cluster == null
    error_message = "Without image_tag nothing runs."
  }

  assert {
    condition     = output.upload_bucket == "eddyline-uploads-123456789012" && output.store == "s3://eddyline-media-123456789012/eddyline"
    error_message = "The buckets."
  }
}

run "second_step" {
  command = plan

  variables {
    image_tag = "1.0.0"
  }

  assert {
    condition     = output.group_names == { cpu = { od = "eddyline-cpu-od", spot = "eddyline-cpu-spot" }, light = { od = "eddyline-light-od", spot = "eddyline-light-spot" } }
    error_message = "The pools light and cpu."
  }

  assert {
    condition     = output.service_cluster == "eddyline-service" && keys(output.log_groups) == ["coordinator", "cpu", "ingest", "light"]
    error_message = "The services, and a log group for each process."
  }
}
