output "vpc_id" {
  description = "ID of the VPC."
  value       = local.vpc_id
}

output "private_subnet_ids" {
  description = "IDs of the private subnets, one for each zone."
  value       = local.private_subnets
}

output "worker_security_group_id" {
  description = "ID of the security group of workers."
  value       = aws_security_group.workers.id
}

output "service_security_group_id" {
  description = "ID of the security group of coordinators and ingest."
  value       = aws_security_group.service.id
}

output "interface_endpoints" {
  description = "Services with an interface endpoint."
  value       = sort(tolist(local.services))
}
