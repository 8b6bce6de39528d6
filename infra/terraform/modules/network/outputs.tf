output "vpc_id" {
  description = "ID of the VPC."
  value       = local.vpc_id
}

output "private_subnet_ids" {
  description = "IDs of the private subnets, one for each zone."
  value       = local.private_subnets

  # What uses the subnets is created after their routes, and destroyed before: machines that drain need the network.
  depends_on = [
    aws_route.internet,
    aws_route.nat,
    aws_route_table_association.private,
    aws_route_table_association.public,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_egress_rule.endpoints,
    aws_vpc_security_group_egress_rule.internet,
    aws_vpc_security_group_egress_rule.s3,
    aws_vpc_security_group_ingress_rule.endpoints,
  ]
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
