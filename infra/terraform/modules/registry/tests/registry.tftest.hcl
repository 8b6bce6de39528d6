mock_provider "aws" {}

run "repositories" {
  assert {
    condition     = toset([for each in aws_ecr_repository.this : each.name]) == toset(["eddyline/cpu", "eddyline/gpu", "eddyline/service"])
    error_message = "One repository for each image."
  }

  assert {
    condition     = alltrue([for each in aws_ecr_repository.this : each.image_tag_mutability == "IMMUTABLE" && each.image_scanning_configuration[0].scan_on_push && each.encryption_configuration[0].encryption_type == "AES256" && !each.force_delete])
    error_message = "Tags cannot be overwritten, and images are scanned and encrypted."
  }

  assert {
    condition     = alltrue([for each in aws_ecr_lifecycle_policy.this : [for rule in jsondecode(each.policy).rules : rule.selection.countNumber] == [7, 30]])
    error_message = "Untagged images expire after 7 days, and 30 tagged ones are kept."
  }
}

run "own_key" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition     = alltrue([for each in aws_ecr_repository.this : each.encryption_configuration[0].encryption_type == "KMS" && each.encryption_configuration[0].kms_key == var.kms_key_arn])
    error_message = "The repositories use the given key."
  }
}

run "a_single_image_is_refused" {
  command = plan

  variables {
    keep_images = 1
  }

  expect_failures = [var.keep_images]
}

run "an_invalid_name_is_refused" {
  command = plan

  variables {
    images = ["CPU"]
  }

  expect_failures = [var.images]
}
