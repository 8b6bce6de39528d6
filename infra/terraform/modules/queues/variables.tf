variable "prefix" {
  description = "Prefix of the names of all queues: EDDYLINE_QUEUES of the processes."
  type        = string
  default     = "eddyline"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.prefix))
    error_message = "The prefix must be 1 to 31 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "pools" {
  description = "Names of all pools of pools.yaml, also of those without machines: their jobs wait in their queues."
  type        = set(string)

  validation {
    condition     = length(var.pools) > 0 && alltrue([for name in var.pools : can(regex("^[a-z][a-z0-9-]{0,30}$", name))])
    error_message = "At least one pool; a name consists of 1 to 31 lower-case letters, digits and hyphens, and starts with a letter."
  }

  validation {
    condition     = length(setintersection(var.pools, ["coordinator", "ingest", "service"])) == 0
    error_message = "The names coordinator, ingest and service belong to the services: their roles and task families have the names of pools."
  }
}

variable "priorities" {
  description = "Priorities with a queue of their own: PRIORITIES of app/shared_services.py (a test compares them)."
  type        = set(number)
  default     = [0, 10, 100, 110]
}

variable "dead_after" {
  description = "Receipts of a job message before it becomes a dead letter: EDDYLINE_DEAD_AFTER of the coordinators."
  type        = number
  default     = 10

  validation {
    condition     = var.dead_after >= 1 && var.dead_after <= 1000 && floor(var.dead_after) == var.dead_after
    error_message = "A whole number from 1 to 1000."
  }
}

variable "upload_rule_name" {
  description = "Name of the EventBridge rule that may send to the ingest queue (module storage, rule_name). Null: no rule may."
  type        = string
  default     = "eddyline-uploads"
}

variable "fleet_senders" {
  description = "Names of the roles that may send to the queue of fleet events and to the drain queue: those of the Lambda functions. Null: prefix-general-drain, prefix-spot-drain and prefix-spot-metrics."
  type        = set(string)
  default     = null
}

variable "kms_key_arn" {
  description = "ARN of a KMS key for the messages; its policy must allow EventBridge to use it. Null: encryption with keys of SQS (SSE-SQS)."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
