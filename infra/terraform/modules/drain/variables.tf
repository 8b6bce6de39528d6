variable "prefix" {
  description = "Prefix of all names and of the queues: EDDYLINE_QUEUES."
  type        = string
  default     = "eddyline"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.prefix))
    error_message = "The prefix must be 1 to 31 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "pools" {
  description = "The pools with machines, as in pools.yaml: yamldecode(file(...)).pools."
  type = map(object({
    capacity = optional(object({
      hook_s                    = optional(number, 900)
      rebalance                 = optional(string, "avoid")
      max_replacements_per_hour = optional(number, 6)
    }), {})
  }))

  validation {
    condition     = length(var.pools) >= 1 && length(var.pools) <= 32
    error_message = "1 to 32 pools."
  }

  validation {
    condition     = alltrue([for pool in values(var.pools) : contains(["avoid", "replace"], pool.capacity.rebalance) && pool.capacity.hook_s >= 30 && pool.capacity.hook_s <= 7200])
    error_message = "capacity.rebalance must be avoid or replace, capacity.hook_s from 30 to 7200 (s)."
  }
}

variable "package" {
  description = "Path of the zip file with the functions, build/lambdas.zip of make lambdas."
  type        = string
}

variable "fleet_queue" {
  description = "The queue of fleet events: URL and ARN (module queues)."
  type        = object({ url = string, arn = string })
}

variable "drain_queue" {
  description = "The queue of the general drain function's delayed messages: URL and ARN (module queues)."
  type        = object({ url = string, arn = string })
}

variable "kms_key_arn" {
  description = "ARN of a KMS key for the queues of this module; its policy must allow EventBridge to use it. Null: keys of SQS (SSE-SQS)."
  type        = string
  default     = null
}

variable "kms_key_arns" {
  description = "ARNs of the KMS keys of the fleet queue and the drain queue, if they are encrypted with keys of yours."
  type        = list(string)
  default     = []
}

variable "reserved_concurrency" {
  description = "Reserved concurrency of each function, from the account's limit. -1: none is reserved."
  type        = number
  default     = -1

  validation {
    condition     = var.reserved_concurrency == -1 || var.reserved_concurrency >= 10
    error_message = "-1, or at least 10: with less, warnings of a mass interruption wait longer than the two minutes."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 90
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
