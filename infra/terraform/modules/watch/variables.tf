variable "prefix" {
  description = "Prefix of all names: EDDYLINE_QUEUES."
  type        = string
  default     = "eddyline"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.prefix))
    error_message = "The prefix must be 1 to 31 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "pools" {
  description = "The pools as in pools.yaml: yamldecode(file(...)).pools. Those without machines are left out."
  type = map(object({
    capacity = optional(object({
      max_vcpu = optional(number, 0)
      requirements = optional(object({
        vcpu = object({ min = number })
      }))
      types   = optional(map(number), {})
      scaling = optional(string, "aws")
      on_demand = optional(object({
        max_vcpu = optional(number, 0)
        after_s  = optional(number, 600)
      }), {})
    }), {})
  }))
}

variable "dead_letter_queue_names" {
  description = "Names of the dead-letter queues (modules queues and drain)."
  type        = list(string)
}

variable "event_queue_names" {
  description = "Names of the queues of events that must be consumed soon. Null: prefix-fleet, prefix-drain, prefix-spot-drain and prefix-spot-metrics."
  type        = list(string)
  default     = null
}

variable "function_names" {
  description = "Names of the Lambda functions (module drain)."
  type        = map(string)
}

variable "alarm_topic_arns" {
  description = "ARNs of the SNS topics of alarms."
  type        = list(string)
  default     = []
}

variable "emails" {
  description = "Mail addresses that get the alarms: a topic is created, and each address must confirm its subscription."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", address))])
    error_message = "Each must be a mail address."
  }
}

variable "topic_kms_key_arn" {
  description = "ARN of a KMS key for the topic; its policy must allow CloudWatch to use it. Null: the topic is not encrypted, because CloudWatch cannot use the key of SNS."
  type        = string
  default     = null
}

variable "spot_share_percent" {
  description = "Alarm below this share of Spot in the capacity of a pool, over six hours."
  type        = number
  default     = 70
}

variable "interruptions_per_instance_hour" {
  description = "Alarm above this rate of interruptions in two of three hours."
  type        = number
  default     = 0.2
}

variable "quota_percent" {
  description = "Alarm above this share of a vCPU quota of the account."
  type        = number
  default     = 80
}

variable "quota_classes" {
  description = "vCPU quotas that are watched, by the classes of AWS/Usage."
  type        = set(string)
  default     = ["Standard/Spot", "Standard/OnDemand", "G/Spot", "G/OnDemand"]
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
