# Everything: three zones without a route to the internet, a key of yours, a ledger with a standby, all pools with
# machines, alarms by mail.
locals {
  file  = yamldecode(file(var.pools_file)).pools
  pools = { for name, pool in local.file : name => pool if pool.capacity.max_vcpu > 0 }

  # Coordinators scale these.
  scaled_pools = [for name, pool in local.pools : name if try(pool.capacity.scaling, "aws") == "eddyline"]
}

module "network" {
  source = "../../modules/network"

  prefix               = var.prefix
  zones                = var.zones
  nat                  = "none"
  endpoints            = true
  autoscaling_endpoint = length(local.scaled_pools) > 0
  session_manager      = true
  flow_logs            = true
}

module "queues" {
  source = "../../modules/queues"

  prefix           = var.prefix
  pools            = keys(local.file)
  upload_rule_name = "${var.prefix}-uploads"
  kms_key_arn      = aws_kms_key.this.arn
}

module "storage" {
  source = "../../modules/storage"

  media_bucket     = "${var.prefix}-media-${var.bucket_suffix}"
  upload_bucket    = "${var.prefix}-uploads-${var.bucket_suffix}"
  rule_name        = "${var.prefix}-uploads"
  ingest_queue_arn = module.queues.ingest_queue_arn
  kms_key_arn      = aws_kms_key.this.arn
}

module "registry" {
  source = "../../modules/registry"

  prefix      = var.prefix
  images      = setunion(["service"], [for pool in local.pools : pool.capacity.image])
  kms_key_arn = aws_kms_key.this.arn
}

module "ledger" {
  source = "../../modules/ledger"

  prefix                    = var.prefix
  vpc_id                    = module.network.vpc_id
  subnet_ids                = module.network.private_subnet_ids
  client_security_group_ids = { service = module.network.service_security_group_id }
  instance_class            = var.ledger_class
  storage_gib               = { allocated = 100, limit = 1000 }
  multi_az                  = true
  kms_key_arn               = aws_kms_key.this.arn
  alarm_topic_arns          = module.watch.topic_arn[*]
}

module "service" {
  source = "../../modules/service"

  prefix                    = var.prefix
  image                     = "${module.registry.repository_urls["service"]}:${var.image_tags["service"]}"
  image_repository_arn      = module.registry.repository_arns["service"]
  subnet_ids                = module.network.private_subnet_ids
  security_group_id         = module.network.service_security_group_id
  ingest                    = { count = 2 }
  store                     = module.storage.store
  media_bucket_arn          = module.storage.media_bucket_arn
  upload_bucket_arn         = module.storage.upload_bucket_arn
  ledger_url                = module.ledger.url
  ledger_secret_arn         = module.ledger.secret_arn
  queue_arn_pattern         = module.queues.queue_arn_pattern
  command_queue_arn_pattern = module.queues.command_queue_arn_pattern
  ingest_queue_name         = module.queues.ingest_queue_name
  scaled_pools              = local.scaled_pools
  kms_key_arns              = [aws_kms_key.this.arn]
  log_kms_key_arn           = aws_kms_key.this.arn
}

# The functions outlive the pools: without them, the hooks of ending machines would wait for their timeouts.
module "drain" {
  source = "../../modules/drain"

  prefix          = var.prefix
  pools           = local.pools
  package         = var.package
  fleet_queue     = { url = module.queues.fleet_queue_url, arn = module.queues.fleet_queue_arn }
  drain_queue     = { url = module.queues.drain_queue_url, arn = module.queues.drain_queue_arn }
  kms_key_arn     = aws_kms_key.this.arn
  kms_key_arns    = [aws_kms_key.this.arn]
  log_kms_key_arn = aws_kms_key.this.arn
}

module "pool" {
  source   = "../../modules/pool"
  for_each = local.pools

  prefix                    = module.drain.prefix # created after the functions, destroyed before them
  name                      = each.key
  pool                      = each.value
  image                     = "${module.registry.repository_urls[each.value.capacity.image]}:${var.image_tags[each.value.capacity.image]}"
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
  kms_key_arns              = [aws_kms_key.this.arn]
  ebs_kms_key_arn           = aws_kms_key.this.arn
  log_kms_key_arn           = aws_kms_key.this.arn
}

module "watch" {
  source = "../../modules/watch"

  prefix                  = var.prefix
  pools                   = local.pools
  dead_letter_queue_names = concat(module.queues.dead_letter_queue_names, module.drain.dead_letter_queue_names)
  function_names          = module.drain.function_names
  emails                  = var.emails
  topic_kms_key_arn       = aws_kms_key.this.arn
}
