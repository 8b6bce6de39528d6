# Applied with a mock of the provider, and destroyed.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:mock" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:123456789012:mock" }
  }

  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-central-1:123456789012:rule/mock" }
  }
}

variables {
  pools       = { cpu = {} }
  package     = "versions.tf"
  fleet_queue = { url = "https://sqs.eu-central-1.amazonaws.com/123456789012/eddyline-fleet", arn = "arn:aws:sqs:eu-central-1:123456789012:eddyline-fleet" }
  drain_queue = { url = "https://sqs.eu-central-1.amazonaws.com/123456789012/eddyline-drain", arn = "arn:aws:sqs:eu-central-1:123456789012:eddyline-drain" }
}

run "applied" {
  assert {
    condition     = output.function_names == { general-drain = "eddyline-general-drain", spot-drain = "eddyline-spot-drain", spot-metrics = "eddyline-spot-metrics" }
    error_message = "names"
  }

  assert {
    condition     = output.dead_letter_queue_names == ["eddyline-events-dead"]
    error_message = "dead letters"
  }

  assert {
    condition     = jsondecode(aws_lambda_function.this["spot-drain"].environment[0].variables.POOLS) == { cpu = { hook_s = 900, rebalance = "avoid", max_replacements_per_hour = 6 } }
    error_message = "the defaults of pools.yaml"
  }
}
