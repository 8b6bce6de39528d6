variable "media_bucket" {
  description = "Name of the bucket of the media store: parts, state and published assets."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.media_bucket))
    error_message = "The name must be 3 to 63 lower-case letters, digits, dots and hyphens."
  }
}

variable "media_prefix" {
  description = "Prefix of the media store in its bucket, without slashes at the ends. The address of the store is s3://media_bucket/media_prefix."
  type        = string
  default     = "eddyline"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", var.media_prefix))
    error_message = "The prefix must be one or more names of letters, digits, _ and -, separated by single slashes."
  }
}

variable "upload_bucket" {
  description = "Name of the bucket of uploads. It must not be the media bucket: a process that may write below .eddyline/ of the store controls the workers."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.upload_bucket)) && var.upload_bucket != var.media_bucket
    error_message = "The name must be a valid name of a bucket, other than media_bucket."
  }
}

variable "upload_prefix" {
  description = "Only objects whose keys start with this prefix are ingested. Empty: all objects of the upload bucket."
  type        = string
  default     = ""
}

variable "ingest_queue_arn" {
  description = "ARN of the queue that receives the events of uploads (module queues, ingest_queue_arn). Null: no events."
  type        = string
  default     = null
}

variable "ingest_events" {
  description = "Whether S3 Object Created events of the upload bucket go to ingest_queue_arn. A separate switch, because the ARN is unknown in the first plan."
  type        = bool
  default     = true
}

variable "rule_name" {
  description = "Name of the EventBridge rule that routes the events of uploads."
  type        = string
  default     = "eddyline-uploads"

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,64}$", var.rule_name))
    error_message = "The name must be 1 to 64 letters, digits, dots, _ and -."
  }
}

variable "kms_key_arn" {
  description = "ARN of a KMS key for the objects. Null: encryption with keys of S3 (SSE-S3), which costs nothing for each request."
  type        = string
  default     = null
}

variable "versioning" {
  description = "Whether the media bucket keeps replaced and deleted objects, so that a deleted asset can be recovered."
  type        = bool
  default     = true
}

variable "noncurrent_days" {
  description = "Days after which replaced and deleted objects of both buckets are removed for good."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "The number of days must be a whole number, 1 or more."
  }
}

variable "part_days" {
  description = "Days after which the parts of assets that were never published are deleted. Longer than any asset is in progress, dead jobs that are to be redriven included."
  type        = number
  default     = 60

  validation {
    condition     = var.part_days >= 14 && floor(var.part_days) == var.part_days
    error_message = "The number of days must be a whole number, 14 (the retention of the queues) or more."
  }
}

variable "upload_days" {
  description = "Days after which uploads are deleted. 0: never."
  type        = number
  default     = 0

  validation {
    condition     = var.upload_days == 0 || (var.upload_days >= 14 && floor(var.upload_days) == var.upload_days)
    error_message = "The number of days must be 0, or a whole number, 14 (the retention of the queues) or more."
  }
}

variable "force_destroy" {
  description = "Whether terraform destroy deletes buckets that still contain objects. For tests."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
