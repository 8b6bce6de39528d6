# The plan with the real provider, offline. tests/infra/ compares it with the tables of metrics and alarms.

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

variables {
  pools                   = yamldecode(file("../../../../src/eddyline/fleet/pools.yaml")).pools
  dead_letter_queue_names = ["eddyline-dead", "eddyline-events-dead"]
  function_names          = { general-drain = "eddyline-general-drain", spot-drain = "eddyline-spot-drain", spot-metrics = "eddyline-spot-metrics" }
  alarm_topic_arns        = ["arn:aws:sns:eu-west-1:123456789012:operations"]
}

run "plan" {
  command = plan

  assert {
    condition     = aws_cloudwatch_metric_alarm.pool["cpu-metrics-missing"].treat_missing_data == "breaching"
    error_message = "missing data must be an alarm"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.pool["cpu-spot-share"].threshold == 70 && aws_cloudwatch_metric_alarm.pool["cpu-spot-share"].comparison_operator == "LessThanThreshold"
    error_message = "over 70 % of the work on Spot"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.dead_letters : alarm.threshold == 0 && alarm.comparison_operator == "GreaterThanThreshold"])
    error_message = "each dead letter is an alarm"
  }

  assert {
    condition     = toset([for alarm in aws_cloudwatch_metric_alarm.functions : "${alarm.dimensions.FunctionName} ${alarm.metric_name}"]) == toset(["eddyline-general-drain Errors", "eddyline-general-drain Throttles", "eddyline-spot-drain Errors", "eddyline-spot-drain Throttles", "eddyline-spot-metrics Errors", "eddyline-spot-metrics Throttles"])
    error_message = "errors and throttles of each function"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.quotas : strcontains(alarm.alarm_name, "eddyline-quota-")]) && length(aws_cloudwatch_metric_alarm.quotas) == 4
    error_message = "quotas"
  }

  assert {
    condition     = length(aws_sns_topic.this) == 0
    error_message = "no topic without addresses"
  }
}

run "a_pool_that_coordinators_scale" {
  command = plan

  variables {
    pools = { cpu = { capacity = { max_vcpu = 64, types = { "c7i.4xlarge" = 16 }, scaling = "eddyline" } } }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.pool["cpu-scaler-late"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.pool["cpu-scaler-late"].threshold == 300
    error_message = "a scaler that does not decide is an alarm"
  }
}

run "a_topic" {
  command = plan

  variables {
    emails = ["ops@example.org"]
  }

  assert {
    condition     = aws_sns_topic.this[0].name == "eddyline-alarms" && aws_sns_topic_subscription.this["ops@example.org"].protocol == "email"
    error_message = "a topic with the address"
  }
}

run "pools_without_machines" {
  command = plan

  variables {
    pools = { cpu = {}, gpu = { capacity = { types = {}, max_vcpu = 0 } } }
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.pool) == 0 && length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) == 2
    error_message = "nothing publishes metrics of pools without machines"
  }
}

run "an_invalid_address" {
  command = plan

  variables {
    emails = ["ops"]
  }

  expect_failures = [var.emails]
}
