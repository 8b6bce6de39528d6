variable "prefix" {
  description = "Prefix of all names and of the queues: EDDYLINE_QUEUES."
  type        = string
  default     = "eddyline"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.prefix))
    error_message = "The prefix must be 1 to 31 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "name" {
  description = "Name of the pool in pools.yaml."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.name))
    error_message = "The name must be 1 to 20 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "pool" {
  description = "The pool as in pools.yaml: yamldecode(file(...)).pools[name]. docs/reference/pools.md explains the keys; the defaults are the same."
  type = object({
    description = optional(string, "")
    kinds       = set(string)
    codecs      = optional(map(string), {})
    encoders    = optional(set(string), [])
    ffmpeg      = optional(string)
    arch        = optional(string, "x86_64")
    gpu         = optional(string)
    serves      = optional(list(string), [])
    cost        = number
    slot = object({
      vcpu             = number
      memory_mib       = number
      most             = optional(number, 64)
      encoder_sessions = optional(number)
    })
    limits = optional(object({
      wall_s      = optional(number, 3600)
      memory_mib  = optional(number)
      scratch_gib = optional(number, 20)
    }), {})
    capacity = optional(object({
      min_vcpu = optional(number, 0)
      max_vcpu = optional(number, 0)
      requirements = optional(object({
        memory_mib        = object({ min = number, max = number })
        vcpu              = object({ min = number, max = number })
        cpu_manufacturers = optional(list(string), [])
        excluded_types    = optional(list(string), [])
        allowed_types     = optional(list(string), [])
      }))
      types = optional(map(number), {})
      zones = optional(list(string), [])
      spot = optional(object({
        strategy          = optional(string, "capacity-optimized")
        max_price_percent = optional(number, 100)
      }), {})
      on_demand = optional(object({
        min_vcpu          = optional(number, 0)
        max_vcpu          = optional(number, 0)
        after_s           = optional(number, 600)
        max_price_percent = optional(number, 20)
      }), {})
      rebalance                 = optional(string, "avoid")
      max_replacements_per_hour = optional(number, 6)
      scaling                   = optional(string, "aws")
      target_backlog_s          = optional(number, 300)
      deadline_s                = optional(number, 900)
      predictive                = optional(bool, false)
      warm_pool                 = optional(bool, false)
      stop_s                    = optional(number, 110)
      hook_s                    = optional(number, 900)
      scratch = optional(object({
        gib        = optional(number, 200)
        iops       = optional(number, 3000)
        throughput = optional(number, 250)
      }), {})
      image = optional(string, "cpu")
    }), {})
  })

  validation {
    condition     = (var.pool.capacity.requirements == null) != (length(var.pool.capacity.types) == 0)
    error_message = "capacity needs either requirements or types; EC2 Auto Scaling accepts no group with both."
  }

  validation {
    condition     = length(try(var.pool.capacity.requirements.allowed_types, [])) == 0
    error_message = "capacity.requirements has no key allowed_types: list the types in capacity.types instead. EC2 Auto Scaling refuses allowed types together with excluded ones, when the group is created."
  }

  validation {
    condition     = contains(["capacity-optimized", "price-capacity-optimized"], var.pool.capacity.spot.strategy)
    error_message = "capacity.spot.strategy must be capacity-optimized or price-capacity-optimized. The provider does not check the spelling."
  }

  validation {
    condition     = var.pool.capacity.min_vcpu >= 0 && var.pool.capacity.min_vcpu <= var.pool.capacity.max_vcpu
    error_message = "capacity.min_vcpu must be from 0 to capacity.max_vcpu."
  }

  validation {
    condition     = var.pool.capacity.on_demand.min_vcpu >= 0 && var.pool.capacity.on_demand.min_vcpu <= var.pool.capacity.on_demand.max_vcpu
    error_message = "capacity.on_demand.min_vcpu must be from 0 to capacity.on_demand.max_vcpu."
  }

  validation {
    condition = var.pool.capacity.requirements == null || try(
      var.pool.capacity.requirements.memory_mib.min <= var.pool.capacity.requirements.memory_mib.max
      && var.pool.capacity.requirements.vcpu.min <= var.pool.capacity.requirements.vcpu.max
      && var.pool.capacity.requirements.vcpu.min >= 1,
      false
    )
    error_message = "capacity.requirements: min must not be more than max, for memory_mib and for vcpu."
  }

  validation {
    condition     = alltrue([for weight in values(var.pool.capacity.types) : weight >= 1 && weight <= 999 && floor(weight) == weight])
    error_message = "capacity.types: the vCPU of a type must be a whole number from 1 to 999."
  }

  validation {
    condition     = contains(["aws", "eddyline"], var.pool.capacity.scaling)
    error_message = "capacity.scaling must be aws or eddyline."
  }

  validation {
    condition     = var.pool.capacity.scaling == "aws" || !var.pool.capacity.predictive
    error_message = "capacity.predictive is a policy of AWS Auto Scaling: it needs scaling = aws."
  }

  validation {
    condition     = !var.pool.capacity.warm_pool
    error_message = "capacity.warm_pool must be false: EC2 Auto Scaling keeps no warm pool for Spot Instances or weighted groups."
  }

  validation {
    condition     = contains(["avoid", "replace"], var.pool.capacity.rebalance)
    error_message = "capacity.rebalance must be avoid or replace."
  }

  validation {
    condition     = var.pool.capacity.hook_s >= 30 && var.pool.capacity.hook_s <= 7200 && var.pool.capacity.stop_s >= 10 && var.pool.capacity.stop_s <= 110
    error_message = "capacity.hook_s must be from 30 to 7200 (s), capacity.stop_s from 10 to 110."
  }

  validation {
    condition     = contains(["x86_64", "arm64"], var.pool.arch) && (var.pool.gpu == null || try(var.pool.gpu == "nvidia" && var.pool.arch == "x86_64", false))
    error_message = "arch must be x86_64 or arm64, and gpu null or nvidia; GPU machines are x86_64."
  }
}

variable "image" {
  description = "Container image of the pool: ADDRESS:TAG or ADDRESS@sha256:DIGEST."
  type        = string

  validation {
    condition     = can(regex("^[^:@[:space:]]+(:[0-9]+/[^:@[:space:]]+)?(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", var.image)) && !endswith(var.image, ":latest")
    error_message = "Name the image by a tag other than latest, or by a digest: all tasks of one revision must run the same image."
  }
}

variable "image_repository_arn" {
  description = "ARN of the repository of the image (module registry)."
  type        = string
}

variable "vpc_id" {
  description = "ID of the VPC, for the zones of the pool."
  type        = string
}

variable "subnet_ids" {
  description = "IDs of the private subnets. The pool uses those in its zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "Name at least one subnet."
  }
}

variable "security_group_ids" {
  description = "IDs of the security groups of the machines (module network, worker_security_group_id)."
  type        = list(string)
}

variable "ami_id" {
  description = "ID of an AMI with the ECS agent. Null: the current ECS-optimized Amazon Linux 2023 for the architecture, with GPU drivers for a GPU pool."
  type        = string
  default     = null
}

variable "store" {
  description = "Address of the media store, EDDYLINE_STORE: s3://bucket/prefix (module storage, store)."
  type        = string

  validation {
    condition     = can(regex("^s3://[^/]+(/.*)?$", var.store))
    error_message = "An address such as s3://bucket/prefix."
  }
}

variable "media_bucket_arn" {
  description = "ARN of the bucket of the media store (module storage)."
  type        = string
}

variable "source_bucket_arns" {
  description = "ARNs of further buckets that workers read sources from, such as that of uploads."
  type        = list(string)
  default     = []
}

variable "job_queue_arns" {
  description = "ARNs of the job queues of each pool (module queues): of this one and of those that it serves."
  type        = map(list(string))

  validation {
    condition     = alltrue([for pool in concat([var.name], var.pool.serves) : length(lookup(var.job_queue_arns, pool, [])) > 0])
    error_message = "job_queue_arns must have the queues of the pool and of all pools that it serves."
  }
}

variable "report_queue_arns" {
  description = "ARNs of the queues that workers only send to: the workers' reports and the dead letters (module queues)."
  type        = list(string)
}

variable "command_queue_arn_pattern" {
  description = "ARN pattern of the workers' command queues (module queues). Each worker creates and deletes its own."
  type        = string
}

variable "kms_key_arns" {
  description = "ARNs of KMS keys of the buckets and queues, if they are encrypted with keys of yours."
  type        = list(string)
  default     = []
}

variable "ebs_kms_key_arn" {
  description = "ARN of a KMS key for the volumes; its policy must allow the service-linked role of EC2 Auto Scaling to use it. Null: the key of EBS in the account."
  type        = string
  default     = null
}

variable "log_kms_key_arn" {
  description = "ARN of a KMS key for the logs; its policy must allow CloudWatch Logs to use it. Null: keys of CloudWatch Logs."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 90
}

variable "minimum_healthy_percent" {
  description = "Share of workers that a new revision leaves running. 0: ECS may stop all workers of the pool at once, and draining never waits. 90: a tenth at a time; draining may wait while machines start."
  type        = number
  default     = 0

  validation {
    condition     = var.minimum_healthy_percent >= 0 && var.minimum_healthy_percent < 100
    error_message = "0 to 99: with 100, no worker could be replaced, because a machine never runs two."
  }
}

variable "environment" {
  description = "Further environment variables of the workers, such as EDDYLINE_POOLS. No secrets: task definitions are readable."
  type        = map(string)
  default     = {}
}

variable "instance_policy_arns" {
  description = "ARNs of further policies of the machines' role, such as AmazonSSMManagedInstanceCore for Session Manager. Workers can use them too: they share the machine's network."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of all resources, machines and volumes."
  type        = map(string)
  default     = {}
}
