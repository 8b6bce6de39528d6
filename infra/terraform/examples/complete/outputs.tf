output "repository_urls" {
  description = "Addresses of the repositories by image, for docker push."
  value       = module.registry.repository_urls
}

output "upload_bucket" {
  description = "Bucket to which sources are uploaded."
  value       = module.storage.upload_bucket
}

output "store" {
  description = "Address of the media store: published assets are below assets/."
  value       = module.storage.store
}

output "log_groups" {
  description = "Log groups of the processes."
  value       = merge({ for name, pool in module.pool : name => pool.log_group_name }, module.service.log_group_names)
}

output "service_cluster" {
  description = "ECS cluster of the coordinators."
  value       = module.service.cluster_name
}

output "group_names" {
  description = "Auto Scaling groups of each pool."
  value       = { for name, pool in module.pool : name => pool.group_names }
}

output "dashboard" {
  description = "Name of the dashboard in CloudWatch."
  value       = module.watch.dashboard_name
}
