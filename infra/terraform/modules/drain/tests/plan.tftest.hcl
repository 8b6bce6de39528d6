# The plan with the real provider, offline. tests/infra/ compares it with the tables of aws/lambdas/.

provider "aws" {
  region                      = "eu-central-1"
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

variables {
  pools       = yamldecode(file("../../../../src/eddyline/fleet/pools.yaml")).pools
  package     = "versions.tf" # any file: only its hash is read
  fleet_queue = { url = "https://sqs.eu-central-1.amazonaws.com/123456789012/eddyline-fleet", arn = "arn:aws:sqs:eu-central-1:123456789012:eddyline-fleet" }
  drain_queue = { url = "https://sqs.eu-central-1.amazonaws.com/123456789012/eddyline-drain", arn = "arn:aws:sqs:eu-central-1:123456789012:eddyline-drain" }
}

run "plan" {
  command = plan

  assert {
    condition     = toset([for function in aws_lambda_function.this : function.function_name]) == toset(["eddyline-general-drain", "eddyline-spot-drain", "eddyline-spot-metrics"])
    error_message = "the functions of fleet/names.py"
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.architectures == tolist(["arm64"]) && function.runtime == "python3.13" && function.reserved_concurrent_executions == -1])
    error_message = "arm64, Python 3.13, no reserved concurrency"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.this : mapping.function_response_types == toset(["ReportBatchItemFailures"])])
    error_message = "one bad message must not repeat the others"
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.events : queue.sqs_managed_sse_enabled && queue.visibility_timeout_seconds >= 25])
    error_message = "encrypted; a message stays invisible while its function runs"
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 90])
    error_message = "logs are deleted after 90 days"
  }
}

run "keys" {
  command = plan

  variables {
    kms_key_arn  = "arn:aws:kms:eu-central-1:123456789012:key/one"
    kms_key_arns = ["arn:aws:kms:eu-central-1:123456789012:key/two"]
  }

  assert {
    condition     = alltrue([for policy in data.aws_iam_policy_document.this : contains([for statement in jsondecode(policy.json).Statement : jsonencode(statement.Resource)], jsonencode(["arn:aws:kms:eu-central-1:123456789012:key/two", "arn:aws:kms:eu-central-1:123456789012:key/one"]))])
    error_message = "the functions may use the keys of their queues"
  }
}

run "an_unknown_policy" {
  command = plan

  variables {
    pools = { cpu = { capacity = { rebalance = "always" } } }
  }

  expect_failures = [var.pools]
}

run "a_hook_that_aws_refuses" {
  command = plan

  variables {
    pools = { cpu = { capacity = { hook_s = 10 } } }
  }

  expect_failures = [var.pools]
}

run "too_few_reserved" {
  command = plan

  variables {
    reserved_concurrency = 1
  }

  expect_failures = [var.reserved_concurrency]
}
