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

override_resource {
  target          = aws_sqs_queue.this
  override_during = plan
  values          = { arn = "arn:aws:sqs:eu-west-1:123456789012:example", url = "https://sqs.eu-west-1.amazonaws.com/123456789012/example" }
}

override_resource {
  target          = aws_sqs_queue.dead
  override_during = plan
  values          = { arn = "arn:aws:sqs:eu-west-1:123456789012:eddyline-dead", url = "https://sqs.eu-west-1.amazonaws.com/123456789012/eddyline-dead" }
}

variables {
  pools = ["light", "cpu"]
}

run "names_and_attributes" {
  command = plan

  assert {
    condition = toset(keys(aws_sqs_queue.this)) == toset([
      "eddyline-light-p0", "eddyline-light-p10", "eddyline-light-p100", "eddyline-light-p110",
      "eddyline-cpu-p0", "eddyline-cpu-p10", "eddyline-cpu-p100", "eddyline-cpu-p110",
      "eddyline-answers", "eddyline-fleet", "eddyline-drain", "eddyline-ingest",
    ])
    error_message = "One queue for each pool and priority, and the four others."
  }

  assert {
    condition     = toset(keys(aws_sqs_queue.dead)) == toset(["eddyline-dead", "eddyline-ingest-dead"])
    error_message = "Two dead-letter queues."
  }

  assert {
    condition     = alltrue([for queue in merge(aws_sqs_queue.this, aws_sqs_queue.dead) : queue.message_retention_seconds == 1209600])
    error_message = "All queues keep messages for 14 days."
  }

  assert {
    condition     = { for name, queue in aws_sqs_queue.this : name => queue.visibility_timeout_seconds if queue.visibility_timeout_seconds != 30 } == { "eddyline-drain" = 180, "eddyline-ingest" = 60 }
    error_message = "Visibility timeouts are 30 s, of the drain queue 180 s, of the ingest queue 60 s."
  }

  assert {
    condition = { for name, queue in aws_sqs_queue.this : name => jsondecode(queue.redrive_policy).maxReceiveCount if !can(regex("-p[0-9]+$", name)) } == {
      "eddyline-answers" = 1000, "eddyline-fleet" = 10, "eddyline-drain" = 10, "eddyline-ingest" = 100,
    }
    error_message = "Receipts before a message becomes a dead letter."
  }

  assert {
    condition     = alltrue([for queue in merge(aws_sqs_queue.this, aws_sqs_queue.dead) : queue.sqs_managed_sse_enabled == true && queue.kms_master_key_id == null])
    error_message = "All queues are encrypted with keys of SQS."
  }
}

run "dead_after" {
  command = plan

  variables {
    dead_after = 5
  }

  assert {
    condition     = alltrue([for name, queue in aws_sqs_queue.this : jsondecode(queue.redrive_policy).maxReceiveCount == 5 if can(regex("-p[0-9]+$", name))])
    error_message = "dead_after applies to the queues of jobs."
  }
}

run "policies" {
  command = plan

  assert {
    condition     = toset(keys(aws_sqs_queue_policy.this)) == toset(concat(keys(aws_sqs_queue.this), keys(aws_sqs_queue.dead)))
    error_message = "Each queue has a policy."
  }

  assert {
    condition = alltrue([for each in aws_sqs_queue_policy.this : anytrue([
      for statement in jsondecode(each.policy).Statement :
      statement.Effect == "Deny" && statement.Action == "sqs:*" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
    ])])
    error_message = "Each queue refuses connections without TLS."
  }

  assert {
    condition = { for name, each in aws_sqs_queue_policy.this : name => [
      for statement in jsondecode(each.policy).Statement : statement.Condition.ArnNotEquals["aws:PrincipalArn"] if statement.Sid == "OnlyTheFunctionsSend"
      ][0] if strcontains(each.policy, "OnlyTheFunctionsSend") } == {
      for name in ["eddyline-fleet", "eddyline-drain"] : name => [
        "arn:aws:iam::123456789012:role/eddyline-general-drain",
        "arn:aws:iam::123456789012:role/eddyline-spot-drain",
        "arn:aws:iam::123456789012:role/eddyline-spot-metrics",
      ]
    }
    error_message = "Only the roles of the Lambda functions send to the queues of fleet events and drains."
  }

  assert {
    condition = { for name, each in aws_sqs_queue_policy.this : name => [
      for statement in jsondecode(each.policy).Statement : [statement.Action, statement.Condition.ArnEquals["aws:SourceArn"], statement.Principal.Service] if statement.Effect == "Allow"
      ] if strcontains(each.policy, "\"Allow\"") } == {
      "eddyline-ingest" = [["sqs:SendMessage", "arn:aws:events:eu-west-1:123456789012:rule/eddyline-uploads", "events.amazonaws.com"]]
    }
    error_message = "The only permission of a queue policy: the rule of uploads sends to the ingest queue."
  }
}

run "own_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition     = alltrue([for queue in merge(aws_sqs_queue.this, aws_sqs_queue.dead) : queue.kms_master_key_id == var.kms_key_arn])
    error_message = "All queues use the given key."
  }
}

run "a_pool_with_the_name_of_a_service_is_refused" {
  command = plan

  variables {
    pools = ["service"]
  }

  expect_failures = [var.pools]
}

run "an_invalid_prefix_is_refused" {
  command = plan

  variables {
    prefix = "Eddy_line"
  }

  expect_failures = [var.prefix]
}
