# The real provider with keys that no account has: policies are real JSON, and nothing is called.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  media_bucket     = "example-media"
  upload_bucket    = "example-uploads"
  ingest_queue_arn = "arn:aws:sqs:eu-west-1:123456789012:eddyline-ingest"
}

run "defaults" {
  command = plan

  assert {
    condition = alltrue([for each in aws_s3_bucket_public_access_block.this :
    each.block_public_acls && each.block_public_policy && each.ignore_public_acls && each.restrict_public_buckets]) && length(aws_s3_bucket_public_access_block.this) == 2
    error_message = "Public access to both buckets is blocked."
  }

  assert {
    condition     = [for each in aws_s3_bucket_ownership_controls.this : each.rule[0].object_ownership] == ["BucketOwnerEnforced", "BucketOwnerEnforced"]
    error_message = "The account owns all objects, and access control lists are off."
  }

  assert {
    condition     = alltrue([for each in aws_s3_bucket_server_side_encryption_configuration.this : one(each.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"])
    error_message = "Both buckets are encrypted."
  }

  assert {
    condition     = alltrue([for each in aws_s3_bucket_versioning.this : each.versioning_configuration[0].status == "Enabled"])
    error_message = "Both buckets keep versions."
  }

  assert {
    condition = length(aws_s3_bucket_policy.this) == 2 && alltrue([for each in aws_s3_bucket_policy.this : alltrue([
      anytrue([for statement in jsondecode(each.policy).Statement : statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false" && length(statement.Resource) == 2]),
      alltrue([for statement in jsondecode(each.policy).Statement : statement.Effect == "Deny"]),
    ])])
    error_message = "Both buckets refuse connections without TLS, and allow nothing beyond the roles' own policies."
  }

  assert {
    condition     = output.store == "s3://example-media/eddyline"
    error_message = "The address of the store."
  }
}

run "lifecycle_of_the_media_bucket" {
  command = plan

  assert {
    condition = { for rule in aws_s3_bucket_lifecycle_configuration.media.rule : rule.filter[0].prefix => rule.abort_incomplete_multipart_upload[0].days_after_initiation if length(rule.abort_incomplete_multipart_upload) > 0 } == {
      "eddyline/.eddyline/" = 1, "eddyline/assets/" = 1, "" = 7,
    }
    error_message = "Incomplete uploads are aborted as by pipeline/runtime/upload_cleanup.py."
  }

  assert {
    condition = { for rule in aws_s3_bucket_lifecycle_configuration.media.rule : rule.filter[0].prefix => rule.expiration[0].days if try(rule.expiration[0].days, 0) > 0 } == {
      "eddyline/.eddyline/parts/" = 60,
    }
    error_message = "Only parts expire: published assets and sources never do."
  }
}

run "uploads_expire_only_on_request" {
  command = plan

  variables {
    upload_days   = 30
    upload_prefix = "incoming/"
  }

  assert {
    condition     = { for rule in aws_s3_bucket_lifecycle_configuration.uploads.rule : rule.filter[0].prefix => rule.expiration[0].days if length(rule.expiration) > 0 } == { "incoming/" = 30 }
    error_message = "Uploads expire after upload_days."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.uploads[0].event_pattern).detail == { bucket = { name = ["example-uploads"] }, object = { key = [{ prefix = "incoming/" }] } }
    error_message = "Only events below the prefix are ingested."
  }
}

run "events" {
  command = plan

  assert {
    condition     = aws_s3_bucket_notification.uploads.eventbridge
    error_message = "The upload bucket sends its events to EventBridge."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.uploads[0].event_pattern) == { source = ["aws.s3"], detail-type = ["Object Created"], detail = { bucket = { name = ["example-uploads"] } } }
    error_message = "The rule matches new objects of the upload bucket."
  }

  assert {
    condition     = aws_cloudwatch_event_target.uploads[0].arn == var.ingest_queue_arn
    error_message = "The rule sends to the ingest queue."
  }
}

run "own_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition     = alltrue([for each in aws_s3_bucket_server_side_encryption_configuration.this : one(each.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" && one(each.rule).bucket_key_enabled])
    error_message = "Both buckets use the given key, with bucket keys."
  }
}

run "one_bucket_for_both_is_refused" {
  command = plan

  variables {
    upload_bucket = "example-media"
  }

  expect_failures = [var.upload_bucket]
}

run "parts_that_expire_too_early_are_refused" {
  command = plan

  variables {
    part_days = 7
  }

  expect_failures = [var.part_days]
}

run "events_without_a_queue_are_refused" {
  command = plan

  variables {
    ingest_queue_arn = null
  }

  expect_failures = [aws_cloudwatch_event_target.uploads]
}
