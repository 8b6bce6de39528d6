data "aws_region" "current" {}

locals {
  new   = var.existing == null
  zones = local.new ? toset(var.zones) : toset([])

  vpc_id          = local.new ? one(aws_vpc.this[*].id) : var.existing.vpc_id
  private_subnets = local.new ? [for zone in var.zones : aws_subnet.private[zone].id] : var.existing.private_subnet_ids
  route_tables    = local.new ? [for zone in var.zones : aws_route_table.private[zone].id] : var.existing.route_table_ids

  # The first quarter for public subnets (eight of them), the others for private ones (six, of an eighth each).
  private_cidr = { for index, zone in var.zones : zone => cidrsubnet(var.cidr, 3, index + 2) }
  public_cidr  = { for index, zone in var.zones : zone => cidrsubnet(cidrsubnet(var.cidr, 2, 0), 3, index) }

  nat_zones = !local.new || var.nat == "none" ? [] : var.nat == "single" ? slice(var.zones, 0, 1) : var.zones
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:Flow logs are a choice of the user (flow_logs)
  count = local.new ? 1 : 0

  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # private DNS names of interface endpoints need it
  tags                 = merge(var.tags, { Name = var.prefix })
}

# The default security group allows all traffic among its members: nothing uses it, and it allows nothing here.
resource "aws_default_security_group" "this" {
  count = local.new ? 1 : 0

  vpc_id  = aws_vpc.this[0].id
  ingress = []
  egress  = []
  tags    = merge(var.tags, { Name = "${var.prefix}-unused" })
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id            = aws_vpc.this[0].id
  availability_zone = each.key
  cidr_block        = local.private_cidr[each.key]
  tags              = merge(var.tags, { Name = "${var.prefix}-private-${each.key}" })
}

resource "aws_route_table" "private" {
  for_each = local.zones

  vpc_id = aws_vpc.this[0].id
  tags   = merge(var.tags, { Name = "${var.prefix}-private-${each.key}" })
}

resource "aws_route_table_association" "private" {
  for_each = local.zones

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[each.key].id
}
