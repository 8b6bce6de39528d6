locals {
  buckets = { media = var.media_bucket, uploads = var.upload_bucket }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:S3 access logs would cost a write for each of the many range reads; CloudTrail data events can be enabled per bucket
  #checkov:skip=CKV_AWS_144:One Region: the sources can be processed again, and replication would double the cost of storage
  #checkov:skip=CKV_AWS_145:The key is a choice of the user (kms_key_arn); the default is SSE-S3
  #checkov:skip=CKV2_AWS_62:Only the upload bucket has notifications (events.tf)
  #checkov:skip=CKV2_AWS_61:Both buckets have lifecycle rules (lifecycle.tf); checkov does not resolve for_each
  #checkov:skip=CKV2_AWS_6:Public access is blocked for both buckets below; checkov does not resolve for_each
  #checkov:skip=CKV_AWS_21:Versioning of the media bucket is a choice of the user (versioning); uploads are always versioned
  for_each = local.buckets

  bucket        = each.value
  force_destroy = var.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket                  = each.value.bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.bucket

  rule {
    # A bucket key reduces the requests to KMS; it has no effect with SSE-S3.
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

# The version of an upload is part of its event: ingest reads the version that was announced.
resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.bucket

  versioning_configuration {
    status = each.key == "uploads" || var.versioning ? "Enabled" : "Suspended"
  }
}

data "aws_partition" "current" {}

locals {
  # Known before the buckets exist, so that a plan shows the policies.
  arns = { for key, name in local.buckets : key => "arn:${data.aws_partition.current.partition}:s3:::${name}" }
}

data "aws_iam_policy_document" "tls_only" {
  for_each = local.arns

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value, "${each.value}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  statement {
    sid       = "Tls12"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value, "${each.value}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "NumericLessThan"
      variable = "s3:TlsVersion"
      values   = ["1.2"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.bucket
  policy = data.aws_iam_policy_document.tls_only[each.key].json

  # The block must exist before a policy is accepted, or is rejected, by it.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
