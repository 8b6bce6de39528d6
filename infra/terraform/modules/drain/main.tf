# The three Lambda functions of the fleet, and the events that they get. aws/lambdas/ of the package has their code;
# tests compare the rules, the permissions and the settings here with its tables.

data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  partition = data.aws_partition.current.partition
  place     = "${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"

  # Seconds. Calls of AWS are repeated for 20 s; SQS gives a message again when its visibility ends, and an interruption
  # is over after 120 s.
  timeout_s = 25

  functions = {
    general-drain = {
      description = "Drains machines that their group terminates, and completes the lifecycle hook"
      environment = { DRAIN_QUEUE_URL = var.drain_queue.url }
      queue       = var.drain_queue.arn
    }
    spot-drain = {
      description = "Drains Spot machines on interruption warnings and rebalance recommendations"
      environment = {}
      queue       = aws_sqs_queue.events["spot-drain"].arn
    }
    spot-metrics = {
      description = "Sends fleet events to the coordinators, and counts them in CloudWatch"
      environment = {}
      queue       = aws_sqs_queue.events["spot-metrics"].arn
    }
  }

  environment = {
    PREFIX          = var.prefix
    FLEET_QUEUE_URL = var.fleet_queue.url
    POOLS = jsonencode({
      for name, pool in var.pools : name => {
        hook_s                    = pool.capacity.hook_s
        rebalance                 = pool.capacity.rebalance
        max_replacements_per_hour = pool.capacity.max_replacements_per_hour
      }
    })
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts with its own keys; log_kms_key_arn sets another one
  #checkov:skip=CKV_AWS_338:These logs are for operation; log_retention_days sets the period
  for_each = local.functions

  name              = "/aws/lambda/${var.prefix}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:The functions log each step as JSON; X-Ray would need a permission on all resources
  #checkov:skip=CKV_AWS_115:reserved_concurrency sets it; by default the functions share the account's limit
  #checkov:skip=CKV_AWS_116:Failed events go to a queue: by an on-failure destination, or by the redrive policies of the queues
  #checkov:skip=CKV_AWS_117:The functions call public endpoints of AWS only, and nothing in the VPC
  #checkov:skip=CKV_AWS_173:The variables are names and times, not secrets
  #checkov:skip=CKV_AWS_272:The package is built from this repository; its hash is in the plan
  for_each = local.functions

  function_name    = "${var.prefix}-${each.key}"
  description      = each.value.description
  role             = aws_iam_role.this[each.key].arn
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  handler          = "eddyline.aws.lambdas.${replace(each.key, "-", "_")}.handler"
  runtime          = "python3.13"
  architectures    = ["arm64"]
  memory_size      = 512 # of 1769 MB for a whole vCPU: importing boto3 takes half a second with less
  timeout          = local.timeout_s
  tags             = var.tags

  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    variables = merge(local.environment, each.value.environment)
  }

  # The role needs its permissions at the first invocation.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

# A batch fails message by message: one that cannot be handled does not repeat the others.
resource "aws_lambda_event_source_mapping" "this" {
  for_each = local.functions

  function_name                      = aws_lambda_function.this[each.key].arn
  event_source_arn                   = each.value.queue
  batch_size                         = each.key == "general-drain" ? 10 : 100
  maximum_batching_window_in_seconds = each.key == "general-drain" ? 0 : 1
  function_response_types            = ["ReportBatchItemFailures"]
  tags                               = var.tags
}

# Of the lifecycle events, which EventBridge passes on asynchronously. Lambda repeats a failed one twice.
resource "aws_lambda_function_event_invoke_config" "general_drain" {
  function_name                = aws_lambda_function.this["general-drain"].function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.events["events-dead"].arn
    }
  }
}
