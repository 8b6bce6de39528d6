# The modules of the fleet as tests/infra/test_applied.py applies them; its directory is in examples of the copy.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
}

locals {
  file = yamldecode(file("../../../../src/eddyline/fleet/pools.yaml")).pools

  # A pool by attributes, and one by types, with predictive scaling.
  classic = local.file["cpu-classic"]
  pools = {
    cpu         = local.file["cpu"]
    cpu-classic = merge(local.classic, { capacity = merge(local.classic.capacity, { predictive = true }) })
  }
}

module "network" {
  source = "../../modules/network"
  zones  = ["us-east-1a", "us-east-1b"]
}

module "queues" {
  source = "../../modules/queues"
  pools  = ["light", "cpu", "cpu-classic"]
}

module "storage" {
  source           = "../../modules/storage"
  media_bucket     = "example-media"
  upload_bucket    = "example-uploads"
  ingest_queue_arn = module.queues.ingest_queue_arn
}

module "registry" {
  source = "../../modules/registry"
}

module "drain" {
  source      = "../../modules/drain"
  pools       = local.pools
  package     = "package.zip"
  fleet_queue = { url = module.queues.fleet_queue_url, arn = module.queues.fleet_queue_arn }
  drain_queue = { url = module.queues.drain_queue_url, arn = module.queues.drain_queue_arn }
}

module "pool" {
  source   = "../../modules/pool"
  for_each = local.pools

  name                      = each.key
  pool                      = each.value
  image                     = "${module.registry.repository_urls[each.value.capacity.image]}:1"
  image_repository_arn      = module.registry.repository_arns[each.value.capacity.image]
  vpc_id                    = module.network.vpc_id
  subnet_ids                = module.network.private_subnet_ids
  security_group_ids        = [module.network.worker_security_group_id]
  store                     = module.storage.store
  media_bucket_arn          = module.storage.media_bucket_arn
  job_queue_arns            = module.queues.job_queue_arns
  report_queue_arns         = [module.queues.answers_queue_arn, module.queues.dead_letter_queue_arn]
  command_queue_arn_pattern = module.queues.command_queue_arn_pattern
}

module "watch" {
  source                  = "../../modules/watch"
  pools                   = local.pools
  dead_letter_queue_names = module.queues.dead_letter_queue_names
  function_names          = module.drain.function_names
  emails                  = ["fleet@example.com"]
}
