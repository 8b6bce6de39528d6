# The real provider with keys that no account has: policies are real JSON, and nothing is called.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = data.aws_ec2_managed_prefix_list.s3
  values = { id = "pl-6da54004" }
}

variables {
  zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
}

run "private_subnets_and_endpoints" {
  command = plan

  assert {
    condition     = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == { eu-west-1a = "10.64.64.0/19", eu-west-1b = "10.64.96.0/19", eu-west-1c = "10.64.128.0/19" }
    error_message = "One private subnet in each zone."
  }

  assert {
    condition     = length(aws_subnet.public) + length(aws_nat_gateway.this) + length(aws_internet_gateway.this) + length(aws_route.nat) == 0
    error_message = "Without NAT no route leads to the internet."
  }

  assert {
    condition     = aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3[0].service_name == "com.amazonaws.eu-west-1.s3"
    error_message = "S3 is reached through its gateway endpoint."
  }

  assert {
    condition = toset(keys(aws_vpc_endpoint.interface)) == toset([
      "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "sqs", "logs", "monitoring", "ec2", "secretsmanager",
    ]) && alltrue([for each in aws_vpc_endpoint.interface : each.private_dns_enabled])
    error_message = "One interface endpoint for each service that machines call."
  }

  assert {
    condition     = length(aws_flow_log.this) == 0
    error_message = "Flow logs are off by default."
  }
}

run "security_groups" {
  command = plan

  assert {
    condition     = alltrue([for each in aws_vpc_security_group_ingress_rule.endpoints : each.cidr_ipv4 == null && each.cidr_ipv6 == null && each.from_port == 443])
    error_message = "Only workers and services reach the endpoints; no group accepts connections from an address range."
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.internet) == 0
    error_message = "Without NAT no group allows connections to the internet."
  }

  assert {
    condition     = length(aws_default_security_group.this) == 1 && length(aws_default_security_group.this[0].ingress) == 0 && length(aws_default_security_group.this[0].egress) == 0
    error_message = "The default group has no rules."
  }
}

run "one_nat_gateway" {
  command = plan

  variables {
    nat       = "single"
    endpoints = false
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["eu-west-1a"] && keys(aws_subnet.public) == ["eu-west-1a"] && length(aws_route.nat) == 3
    error_message = "One NAT gateway, in the first zone, serves all zones."
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0 && length(aws_vpc_endpoint.s3) == 1
    error_message = "S3 traffic never passes NAT."
  }

  assert {
    condition     = !aws_subnet.public["eu-west-1a"].map_public_ip_on_launch && aws_subnet.public["eu-west-1a"].cidr_block == "10.64.0.0/21"
    error_message = "The public subnet is in the first quarter, and gives no public addresses."
  }

  assert {
    condition     = alltrue([for each in aws_vpc_security_group_egress_rule.internet : each.from_port == 443 && each.to_port == 443])
    error_message = "Only HTTPS leaves through NAT."
  }
}

run "a_nat_gateway_in_each_zone" {
  command = plan

  variables {
    nat = "zone"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_eip.nat) == 3
    error_message = "One NAT gateway in each zone."
  }
}

run "an_existing_vpc" {
  command = plan

  variables {
    zones    = []
    existing = { vpc_id = "vpc-0123", private_subnet_ids = ["subnet-1", "subnet-2", "subnet-3"], route_table_ids = ["rtb-1"] }
  }

  assert {
    condition     = length(aws_vpc.this) + length(aws_subnet.private) + length(aws_route_table.private) + length(aws_default_security_group.this) == 0
    error_message = "Nothing of the existing VPC is created or changed."
  }

  assert {
    condition     = output.vpc_id == "vpc-0123" && length(output.private_subnet_ids) == 3
    error_message = "The outputs are those of the existing VPC."
  }

  assert {
    condition     = aws_vpc_endpoint.s3[0].route_table_ids == toset(["rtb-1"]) && aws_vpc_endpoint.interface["sqs"].subnet_ids == toset(["subnet-1", "subnet-2"])
    error_message = "Endpoints are created in two zones of the existing VPC."
  }
}

run "flow_logs" {
  command = plan

  variables {
    flow_logs = true
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.flow[0].policy).Statement : statement.Resource == "arn:aws:logs:eu-west-1:123456789012:log-group:/eddyline/flow:*" && !contains(flatten([statement.Action]), "*")])
    error_message = "The role of flow logs writes to one log group."
  }
}

run "neither_nat_nor_endpoints_is_refused" {
  command = plan

  variables {
    endpoints = false
  }

  expect_failures = [var.nat]
}

run "a_single_zone_is_refused" {
  command = plan

  variables {
    zones = ["eu-west-1a"]
  }

  expect_failures = [var.zones]
}

run "a_small_vpc_is_refused" {
  command = plan

  variables {
    cidr = "10.0.0.0/24"
  }

  expect_failures = [var.cidr]
}
