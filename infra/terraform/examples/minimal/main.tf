# The smallest deployment: two zones, one NAT gateway, a small ledger without a standby, the pools light and cpu.
locals {
  file = yamldecode(file(var.pools_file)).pools

  # Bounded capacity. An instance of the pool cpu has 32 vCPU or more, so max_vcpu is at least that of one of them.
  pools = { for name in var.pools : name => merge(local.file[name], {
    capacity = merge(local.file[name].capacity, {
      max_vcpu  = min(local.file[name].capacity.max_vcpu, var.max_vcpu)
      on_demand = merge(local.file[name].capacity.on_demand, { max_vcpu = min(local.file[name].capacity.on_demand.max_vcpu, var.max_vcpu) })
    })
  }) }

  deployed = { for name, pool in local.pools : name => pool if var.image_tag != null }
}

module "network" {
  source = "../../modules/network"

  prefix    = var.prefix
  zones     = var.zones
  nat       = "single"
  endpoints = false
}

module "queues" {
  source = "../../modules/queues"

  prefix           = var.prefix
  pools            = keys(local.file)
  upload_rule_name = "${var.prefix}-uploads"
}

module "storage" {
  source = "../../modules/storage"

  media_bucket     = "${var.prefix}-media-${var.bucket_suffix}"
  upload_bucket    = "${var.prefix}-uploads-${var.bucket_suffix}"
  rule_name        = "${var.prefix}-uploads"
  ingest_queue_arn = module.queues.ingest_queue_arn
  force_destroy    = var.temporary
}

module "registry" {
  source = "../../modules/registry"

  prefix       = var.prefix
  images       = setunion(["service"], [for pool in local.pools : pool.capacity.image])
  force_delete = var.temporary
}

module "ledger" {
  source = "../../modules/ledger"

  prefix                    = var.prefix
  vpc_id                    = module.network.vpc_id
  subnet_ids                = module.network.private_subnet_ids
  client_security_group_ids = { service = module.network.service_security_group_id }
  deletion_protection       = !var.temporary
  final_snapshot            = !var.temporary
}

module "service" {
  source = "../../modules/service"
  count  = var.image_tag == null ? 0 : 1

  prefix                    = var.prefix
  image                     = "${module.registry.repository_urls["service"]}:${var.image_tag}"
  image_repository_arn      = module.registry.repository_arns["service"]
  subnet_ids                = module.network.private_subnet_ids
  security_group_id         = module.network.service_security_group_id
  store                     = module.storage.store
  media_bucket_arn          = module.storage.media_bucket_arn
  upload_bucket_arn         = module.storage.upload_bucket_arn
  ledger_url                = module.ledger.url
  ledger_secret_arn         = module.ledger.secret_arn
  queue_arn_pattern         = module.queues.queue_arn_pattern
  command_queue_arn_pattern = module.queues.command_queue_arn_pattern
  ingest_queue_name         = module.queues.ingest_queue_name
  scaled_pools              = [for name, pool in local.pools : name if try(pool.capacity.scaling, "aws") == "eddyline"]
}

# The functions outlive the pools: without them, the hooks of ending machines would wait for their timeouts.
module "drain" {
  source = "../../modules/drain"

  prefix      = var.prefix
  pools       = local.pools
  package     = var.package
  fleet_queue = { url = module.queues.fleet_queue_url, arn = module.queues.fleet_queue_arn }
  drain_queue = { url = module.queues.drain_queue_url, arn = module.queues.drain_queue_arn }
}

module "pool" {
  source   = "../../modules/pool"
  for_each = local.deployed

  prefix                    = module.drain.prefix # created after the functions, destroyed before them
  name                      = each.key
  pool                      = each.value
  image                     = "${module.registry.repository_urls[each.value.capacity.image]}:${var.image_tag}"
  image_repository_arn      = module.registry.repository_arns[each.value.capacity.image]
  vpc_id                    = module.network.vpc_id
  subnet_ids                = module.network.private_subnet_ids
  security_group_ids        = [module.network.worker_security_group_id]
  store                     = module.storage.store
  media_bucket_arn          = module.storage.media_bucket_arn
  source_bucket_arns        = [module.storage.upload_bucket_arn]
  job_queue_arns            = module.queues.job_queue_arns
  report_queue_arns         = [module.queues.answers_queue_arn, module.queues.dead_letter_queue_arn]
  command_queue_arn_pattern = module.queues.command_queue_arn_pattern
}

module "watch" {
  source = "../../modules/watch"

  prefix                  = var.prefix
  pools                   = local.deployed
  dead_letter_queue_names = concat(module.queues.dead_letter_queue_names, module.drain.dead_letter_queue_names)
  function_names          = module.drain.function_names
}
