variable "prefix" {
  description = "Prefix of all names."
  type        = string
  default     = "eddyline"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.prefix))
    error_message = "The prefix must be 1 to 31 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "vpc_id" {
  description = "ID of the VPC."
  type        = string
}

variable "subnet_ids" {
  description = "IDs of private subnets in at least two zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "RDS needs subnets in two zones, also for an instance in one."
  }
}

variable "client_security_group_ids" {
  description = "Security groups that may connect, by a name of your choice: that of the services (module network, service_security_group_id)."
  type        = map(string)
}

variable "engine_version" {
  description = "Version of PostgreSQL: the major version, or an exact one. Minor versions are upgraded in the maintenance window."
  type        = string
  default     = "17"

  validation {
    condition     = can(regex("^(1[4-9])(\\.[0-9]+)?$", var.engine_version))
    error_message = "PostgreSQL 14 or newer, as 17 or 17.5."
  }
}

variable "instance_class" {
  description = "Class of the instance. docs/explanation/scaling.md says how many jobs a second each size carries."
  type        = string
  default     = "db.t4g.medium"

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "A class of RDS, such as db.t4g.medium."
  }
}

variable "storage_gib" {
  description = "Allocated storage (GiB, gp3, encrypted), and the limit up to which RDS extends it."
  type = object({
    allocated = optional(number, 50)
    limit     = optional(number, 500)
  })
  default = {}

  validation {
    condition     = var.storage_gib.allocated >= 20 && var.storage_gib.limit >= var.storage_gib.allocated * 1.1
    error_message = "At least 20 GiB; RDS requires a limit at least 10 % above the allocated storage."
  }
}

variable "multi_az" {
  description = "Whether a standby in another zone takes over when the instance or its zone fails. Doubles the price. While the ledger is away workers finish their jobs, and no new ones are published."
  type        = bool
  default     = false
}

variable "backup_days" {
  description = "Days for which backups are kept. Within them the ledger can be restored to any second."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "1 to 35 days."
  }
}

variable "deletion_protection" {
  description = "Whether the instance cannot be deleted. Set it to false, and apply, before terraform destroy."
  type        = bool
  default     = true
}

variable "final_snapshot" {
  description = "Whether a snapshot is taken when the instance is deleted."
  type        = bool
  default     = true
}

variable "performance_insights" {
  description = "Whether Performance Insights records the load (7 days, free). Classes db.t4g.micro and small do not offer it."
  type        = bool
  default     = true
}

variable "monitoring_s" {
  description = "Interval of enhanced monitoring (s): 0 (off), 1, 5, 10, 15, 30 or 60."
  type        = number
  default     = 60

  validation {
    condition     = contains([0, 1, 5, 10, 15, 30, 60], var.monitoring_s)
    error_message = "One of 0, 1, 5, 10, 15, 30, 60."
  }
}

variable "kms_key_arn" {
  description = "ARN of a KMS key for storage, snapshots, password and Performance Insights. Null: the keys of RDS and Secrets Manager in the account."
  type        = string
  default     = null
}

variable "alarm_topic_arns" {
  description = "ARNs of the SNS topics of alarms."
  type        = list(string)
  default     = []
}

variable "ca_file" {
  description = "Path of the certificates of RDS in the service image, for sslrootcert of the ledger's URL. infra/docker/service/Dockerfile puts them there."
  type        = string
  default     = "/usr/local/share/eddyline/rds-ca.pem"
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
