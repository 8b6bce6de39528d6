variable "prefix" {
  description = "Prefix of all names, as EDDYLINE_QUEUES. The repositories are prefix/image."
  type        = string
  default     = "eddyline"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.prefix))
    error_message = "The prefix must be 1 to 31 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "images" {
  description = "Names of the images: the directories of infra/docker."
  type        = set(string)
  default     = ["cpu", "gpu", "service"]

  validation {
    condition     = alltrue([for name in var.images : can(regex("^[a-z0-9]+([._-][a-z0-9]+)*$", name))])
    error_message = "A name must consist of lower-case letters and digits, separated by single dots, _ or -."
  }
}

variable "keep_images" {
  description = "Number of tagged images that each repository keeps."
  type        = number
  default     = 30

  validation {
    condition     = var.keep_images >= 2 && var.keep_images <= 10000
    error_message = "At least two images must be kept: the current one and the one to return to."
  }
}

variable "kms_key_arn" {
  description = "ARN of a KMS key for the images. Null: encryption with keys of S3."
  type        = string
  default     = null
}

variable "force_delete" {
  description = "Whether terraform destroy deletes repositories that still contain images. For tests."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
