variable "region" {
  description = "Region of AWS."
  type        = string
}

variable "zones" {
  description = "Names of two or more Availability Zones of the region."
  type        = list(string)
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

variable "image_tag" {
  description = "Tag of the images in the repositories, such as 1.0.0. Null: only the repositories and what needs no image are created, so that the images can be pushed."
  type        = string
  default     = null
}

variable "pools" {
  description = "Names of the pools of pools.yaml that get machines. The jobs of the others wait."
  type        = set(string)
  default     = ["light", "cpu"]
}

variable "pools_file" {
  description = "Path of pools.yaml: the same file as in the images (build argument POOLS)."
  type        = string
  default     = "../../../../src/eddyline/fleet/pools.yaml"
}

variable "package" {
  description = "Path of the zip file with the Lambda functions, of make lambdas."
  type        = string
  default     = "../../../../build/lambdas.zip"
}

variable "max_vcpu" {
  description = "Upper bound of the Spot vCPU of each pool, in place of that of pools.yaml if it is lower. Below the quota of a new account."
  type        = number
  default     = 64
}

variable "temporary" {
  description = "Whether terraform destroy deletes everything, data included: for trying out."
  type        = bool
  default     = false
}
