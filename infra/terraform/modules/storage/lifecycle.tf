# The prefixes are those of pipeline/planning/output_layout.py, the ages of incomplete uploads those of
# pipeline/runtime/upload_cleanup.py, which aborts them too while workers run; a test compares them.
locals {
  state  = "${var.media_prefix}/.eddyline/"
  parts  = "${var.media_prefix}/.eddyline/parts/"
  output = "${var.media_prefix}/assets/"

  abort_days = { (local.state) = 1, (local.output) = 1 } # no job takes a day; elsewhere, a week
}

resource "aws_s3_bucket_lifecycle_configuration" "media" {
  bucket = aws_s3_bucket.this["media"].bucket

  rule {
    id     = "abort-uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  dynamic "rule" {
    for_each = local.abort_days

    content {
      id     = "abort-uploads-${trim(replace(trimprefix(rule.key, "${var.media_prefix}/"), ".", ""), "/")}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      abort_incomplete_multipart_upload {
        days_after_initiation = rule.value
      }
    }
  }

  # The last job of an asset deletes its parts. This rule deletes those of assets that were given up.
  rule {
    id     = "expire-parts"
    status = "Enabled"

    filter {
      prefix = local.parts
    }

    expiration {
      days = var.part_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  rule {
    id     = "expire-noncurrent"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }
  }

  rule {
    id     = "remove-delete-markers"
    status = "Enabled"

    filter {
      prefix = ""
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "uploads" {
  bucket = aws_s3_bucket.this["uploads"].bucket

  rule {
    id     = "abort-uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "expire-noncurrent"
    status = "Enabled"

    filter {
      prefix = ""
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }
  }

  dynamic "rule" {
    for_each = var.upload_days > 0 ? [var.upload_days] : []

    content {
      id     = "expire-uploads"
      status = "Enabled"

      filter {
        prefix = var.upload_prefix
      }

      expiration {
        days = rule.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}
