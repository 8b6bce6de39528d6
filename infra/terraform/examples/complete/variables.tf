variable "region" {
  description = "Region of AWS."
  type        = string
}

variable "zones" {
  description = "Names of three or more Availability Zones of the region. Each adds Spot pools."
  type        = list(string)

  validation {
    condition     = length(var.zones) >= 3
    error_message = "Three zones or more: a pool of one instance type has only as many Spot pools as zones."
  }
}

variable "prefix" {
  description = "Prefix of all names."
  type        = string
  default     = "eddyline"
}

variable "bucket_suffix" {
  description = "End of the bucket names, which must be unique in all accounts, such as the account number: prefix-media-SUFFIX and prefix-uploads-SUFFIX."
  type        = string
}

variable "image_tags" {
  description = "Tag of each image in its repository, by name: the images of the pools, and service."
  type        = map(string)
}

variable "pools_file" {
  description = "Path of pools.yaml: the same file as in the images (build argument POOLS). All pools with max_vcpu above 0 get machines."
  type        = string
  default     = "../../../../src/eddyline/fleet/pools.yaml"
}

variable "package" {
  description = "Path of the zip file with the Lambda functions, of make lambdas."
  type        = string
  default     = "../../../../build/lambdas.zip"
}

variable "emails" {
  description = "Mail addresses that get the alarms."
  type        = list(string)
}

variable "ledger_class" {
  description = "Class of the RDS instance."
  type        = string
  default     = "db.r7g.large"
}

variable "administrator_role_arns" {
  description = "ARNs of the roles that administer the KMS key, beside the account's root."
  type        = list(string)
  default     = []
}
