# Applied with a mock of the provider, and destroyed.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-west-1:123456789012:mock" }
  }
}

run "applied" {
  variables {
    pools                   = { cpu = { capacity = { max_vcpu = 64, types = { "c7i.4xlarge" = 16 } } } }
    dead_letter_queue_names = ["eddyline-dead"]
    function_names          = { spot-drain = "eddyline-spot-drain" }
    emails                  = ["ops@example.org"]
  }

  assert {
    condition     = output.topic_arn == "arn:aws:sns:eu-west-1:123456789012:mock" && aws_cloudwatch_metric_alarm.dead_letters["eddyline-dead"].alarm_actions == toset([output.topic_arn])
    error_message = "alarms go to the topic"
  }

  assert {
    condition     = length(output.alarm_names) == 6 + 1 + 1 + 4 + 2 + 4
    error_message = "all alarms"
  }
}
