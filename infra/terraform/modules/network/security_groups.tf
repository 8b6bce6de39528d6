# No group accepts connections from the internet. Traffic to the resolver, the time service and the metadata service
# of the VPC is not subject to security groups.
data "aws_ec2_managed_prefix_list" "s3" {
  name = "com.amazonaws.${data.aws_region.current.name}.s3"
}

locals {
  # Both call AWS services; only the services of coordinators reach the ledger.
  clients = { workers = aws_security_group.workers.id, service = aws_security_group.service.id }
  # Without endpoints, or with NAT, HTTPS leaves by the NAT gateway (or by the existing VPC's own route).
  internet = var.nat != "none" || !var.endpoints
}

resource "aws_security_group" "workers" {
  #checkov:skip=CKV2_AWS_5:The pools use this group
  name        = "${var.prefix}-workers"
  description = "Workers: no incoming connections"
  vpc_id      = local.vpc_id
  tags        = merge(var.tags, { Name = "${var.prefix}-workers" })
}

resource "aws_security_group" "service" {
  #checkov:skip=CKV2_AWS_5:The services use this group
  name        = "${var.prefix}-service"
  description = "Coordinators and ingest: no incoming connections"
  vpc_id      = local.vpc_id
  tags        = merge(var.tags, { Name = "${var.prefix}-service" })
}

resource "aws_security_group" "endpoints" {
  name        = "${var.prefix}-endpoints"
  description = "Interface endpoints: HTTPS from workers and services"
  vpc_id      = local.vpc_id
  tags        = merge(var.tags, { Name = "${var.prefix}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each = local.clients

  security_group_id            = aws_security_group.endpoints.id
  description                  = "HTTPS from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = each.value
}

resource "aws_vpc_security_group_egress_rule" "endpoints" {
  for_each = local.clients

  security_group_id            = each.value
  description                  = "AWS services through interface endpoints"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.endpoints.id
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  for_each = local.clients

  security_group_id = each.value
  description       = "S3 through the gateway endpoint"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = data.aws_ec2_managed_prefix_list.s3.id
}

resource "aws_vpc_security_group_egress_rule" "internet" {
  for_each = local.internet ? local.clients : {}

  security_group_id = each.value
  description       = "AWS services through NAT"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}
