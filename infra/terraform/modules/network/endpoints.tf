# A test compares this list with the services that the program calls.
#
#   ecr.api, ecr.dkr                 agents and Fargate pull images; the layers come from S3
#   ecs, ecs-agent, ecs-telemetry    the agents of instances
#   sqs                              jobs, reports, commands, events
#   logs                             the log driver of containers
#   monitoring                       coordinators publish the metrics that scaling uses
#   ec2                              coordinators compare the fleet record with DescribeInstances
#   secretsmanager                   agents and Fargate read the password of the ledger when a task starts
#
# Not needed: sts (containers get credentials from the agent), ssm (AMI parameters are resolved by Terraform, not on
# instances; session_manager adds it), lambda (functions are not in the VPC), autoscaling
# (of coordinators, only the scaler calls it; autoscaling_endpoint adds it), kms (S3, SQS and RDS call it themselves).
locals {
  interface_services = toset([
    "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "sqs", "logs", "monitoring", "ec2",
    "secretsmanager",
  ])
  session_services = toset(["ssm", "ssmmessages", "ec2messages"])

  services         = setunion(var.endpoints ? local.interface_services : [], var.endpoints && var.autoscaling_endpoint ? ["autoscaling"] : [], var.session_manager ? local.session_services : [])
  endpoint_subnets = slice(local.private_subnets, 0, min(var.endpoint_zone_count, length(local.private_subnets)))
}

resource "aws_vpc_endpoint" "s3" {
  count = local.new || try(length(var.existing.route_table_ids) > 0, false) ? 1 : 0

  vpc_id            = local.vpc_id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = local.route_tables
  tags              = merge(var.tags, { Name = "${var.prefix}-s3" })
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.services

  vpc_id              = local.vpc_id
  service_name        = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = local.endpoint_subnets
  security_group_ids  = [aws_security_group.endpoints.id]
  tags                = merge(var.tags, { Name = "${var.prefix}-${each.key}" })
}
