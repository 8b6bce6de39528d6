variable "prefix" {
  description = "Prefix of all names."
  type        = string
  default     = "eddyline"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.prefix))
    error_message = "The prefix must be 1 to 31 lower-case letters, digits and hyphens, and start with a letter."
  }
}

variable "existing" {
  description = "An existing VPC instead of a new one. route_table_ids: those of the private subnets, for the S3 gateway endpoint; empty: the VPC has one already."
  type = object({
    vpc_id             = string
    private_subnet_ids = list(string)
    route_table_ids    = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.existing == null || try(length(var.existing.private_subnet_ids) > 0, false)
    error_message = "Name at least one private subnet of the existing VPC."
  }
}

variable "cidr" {
  description = "CIDR block of the new VPC. A quarter of it is divided among the public subnets, the rest among the private ones."
  type        = string
  default     = "10.64.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 22, false)
    error_message = "An IPv4 CIDR block from /16 to /22."
  }
}

variable "zones" {
  description = "Names of the Availability Zones, one private subnet each. Each further zone adds a Spot pool for each instance type."
  type        = list(string)
  default     = []

  validation {
    condition     = var.existing != null || (length(var.zones) >= 2 && length(var.zones) <= 6 && length(distinct(var.zones)) == length(var.zones))
    error_message = "A new VPC needs two to six different zones: RDS needs two."
  }
}

variable "nat" {
  description = "NAT gateways: none (then endpoints must be true), single (one for all zones), or zone (one in each zone)."
  type        = string
  default     = "none"

  validation {
    condition     = contains(["none", "single", "zone"], var.nat)
    error_message = "One of none, single, zone."
  }

  validation {
    condition     = var.existing != null || var.nat != "none" || var.endpoints
    error_message = "Without NAT and without interface endpoints machines reach no AWS service: set endpoints to true, or nat to single."
  }
}

variable "endpoints" {
  description = "Whether interface endpoints are created for the services that machines call (endpoints.tf lists them). The gateway endpoint of S3, which is free, is always created."
  type        = bool
  default     = true
}

variable "autoscaling_endpoint" {
  description = "Whether the interface endpoints include EC2 Auto Scaling: coordinators call it for pools with scaling: eddyline."
  type        = bool
  default     = false
}

variable "endpoint_zone_count" {
  description = "Number of zones with a network interface of each interface endpoint; each costs an hourly price. Machines in other zones use them across zones."
  type        = number
  default     = 2

  validation {
    condition     = var.endpoint_zone_count >= 1 && floor(var.endpoint_zone_count) == var.endpoint_zone_count
    error_message = "A whole number, 1 or more."
  }
}

variable "session_manager" {
  description = "Whether the endpoints of Session Manager are created as well, for shells on instances."
  type        = bool
  default     = false
}

variable "flow_logs" {
  description = "Whether rejected and accepted connections of the new VPC are logged to CloudWatch Logs."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Days for which flow logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827], var.log_retention_days)
    error_message = "A retention period that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 days and more."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
