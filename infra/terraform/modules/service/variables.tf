variable "prefix" {
  description = "Prefix of all names and of the queues: EDDYLINE_QUEUES."
  type        = string
  default     = "eddyline"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.prefix))
    error_message = "The prefix must be 1 to 31 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "image" {
  description = "Image of the services: ADDRESS:TAG or ADDRESS@sha256:DIGEST of infra/docker/service/Dockerfile."
  type        = string

  validation {
    condition     = can(regex("^[^:@[:space:]]+(:[0-9]+/[^:@[:space:]]+)?(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", var.image)) && !endswith(var.image, ":latest")
    error_message = "Name the image by a tag other than latest, or by a digest: tasks of one revision must run one image."
  }
}

variable "image_repository_arn" {
  description = "ARN of the repository of the image (module registry)."
  type        = string
}

variable "arch" {
  description = "Architecture of the image: x86_64 or arm64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.arch)
    error_message = "One of x86_64, arm64."
  }
}

variable "launch" {
  description = "Where the services run: fargate, or ec2 (on-demand instances, see instances). Never on Spot: coordinators are few, and start slowly."
  type        = string
  default     = "fargate"

  validation {
    condition     = contains(["fargate", "ec2"], var.launch)
    error_message = "One of fargate, ec2."
  }
}

variable "instances" {
  description = "On-demand instances for launch = ec2: type, number, AMI (null: the current ECS-optimized Amazon Linux 2023)."
  type = object({
    type   = optional(string, "t3.medium")
    count  = optional(number, 2)
    ami_id = optional(string)
  })
  default = {}

  validation {
    condition     = var.instances.count >= 1 && floor(var.instances.count) == var.instances.count
    error_message = "At least one instance; two keep the services running while one is replaced."
  }
}

variable "subnet_ids" {
  description = "IDs of the private subnets."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "Name at least one subnet."
  }
}

variable "security_group_id" {
  description = "ID of the security group of the services (module network, service_security_group_id)."
  type        = string
}

variable "coordinators" {
  description = "Coordinators: number, CPU units (1024 = one vCPU), memory (MiB), and the age in days at which assets are archived (null: never)."
  type = object({
    count              = optional(number, 2)
    cpu                = optional(number, 512)
    memory_mib         = optional(number, 1024)
    archive_after_days = optional(number, 30)
  })
  default = {}

  validation {
    condition     = var.coordinators.count >= 1
    error_message = "At least one coordinator; two keep the fleet running while one is replaced."
  }
}

variable "ingest" {
  description = "Ingest of uploads: number of processes (0: none), CPU units, memory (MiB), and the profile of uploads that no rule matches."
  type = object({
    count      = optional(number, 1)
    cpu        = optional(number, 256)
    memory_mib = optional(number, 1024)
    profile    = optional(string, "default")
  })
  default = {}
}

variable "store" {
  description = "Address of the media store (module storage, store)."
  type        = string

  validation {
    condition     = startswith(var.store, "s3://")
    error_message = "An address such as s3://bucket/prefix."
  }
}

variable "media_bucket_arn" {
  description = "ARN of the media bucket (module storage)."
  type        = string
}

variable "upload_bucket_arn" {
  description = "ARN of the upload bucket (module storage)."
  type        = string
}

variable "ledger_url" {
  description = "URL of the ledger without credentials (module ledger, url)."
  type        = string

  validation {
    condition     = can(regex("^postgresql://[^@/]+/", var.ledger_url))
    error_message = "A URL such as postgresql://host:5432/database, without user and password: they would be readable in the task definition."
  }
}

variable "ledger_secret_arn" {
  description = "ARN of the secret with the keys username and password (module ledger, secret_arn)."
  type        = string
}

variable "queue_arn_pattern" {
  description = "ARN pattern of all queues with the prefix (module queues)."
  type        = string
}

variable "command_queue_arn_pattern" {
  description = "ARN pattern of the workers' command queues (module queues)."
  type        = string
}

variable "ingest_queue_name" {
  description = "Name of the queue of upload events (module queues)."
  type        = string
}

variable "scaled_pools" {
  description = "Names of the pools with scaling: eddyline: coordinators may change the capacity of their Auto Scaling groups."
  type        = set(string)
  default     = []
}

variable "environment" {
  description = "Further environment variables of all services, such as EDDYLINE_DEAD_AFTER. No secrets."
  type        = map(string)
  default     = {}
}

variable "kms_key_arns" {
  description = "ARNs of the KMS keys of buckets, queues and the ledger's secret, if they are encrypted with keys of yours."
  type        = list(string)
  default     = []
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827], var.log_retention_days)
    error_message = "A retention period that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 days and more."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of a KMS key for the logs; its policy must allow CloudWatch Logs to use it. Null: keys of CloudWatch Logs."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
