mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/eddyline-ledger-monitoring" }
  }

  mock_resource "aws_db_instance" {
    defaults = {
      address            = "eddyline-ledger.abc.eu-west-1.rds.amazonaws.com"
      port               = 5432
      master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0-AbCdEf", secret_status = "active", kms_key_id = "" }]
    }
  }
}

variables {
  vpc_id                    = "vpc-0123"
  subnet_ids                = ["subnet-1", "subnet-2"]
  client_security_group_ids = { service = "sg-service" }
}

run "defaults" {
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS manages the password: it is in no state file."
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible && aws_db_instance.this.deletion_protection
    error_message = "Encrypted, private and protected."
  }

  assert {
    condition     = aws_db_instance.this.backup_retention_period == 14 && !aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.final_snapshot_identifier == "eddyline-ledger-final"
    error_message = "Backups for 14 days, and a snapshot at the end."
  }

  assert {
    condition     = { for each in aws_db_parameter_group.this.parameter : each.name => each.value }["rds.force_ssl"] == "1" && aws_db_parameter_group.this.family == "postgres17"
    error_message = "Connections without TLS are refused."
  }

  assert {
    condition     = aws_db_instance.this.performance_insights_enabled && aws_db_instance.this.performance_insights_retention_period == 7 && aws_db_instance.this.monitoring_interval == 60
    error_message = "Performance Insights and enhanced monitoring are on."
  }

  assert {
    condition     = output.url == "postgresql://eddyline-ledger.abc.eu-west-1.rds.amazonaws.com:5432/eddyline?sslmode=verify-full&sslrootcert=/usr/local/share/eddyline/rds-ca.pem"
    error_message = "The URL verifies the server, and has no credentials."
  }

  assert {
    condition     = output.secret_arn == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0-AbCdEf"
    error_message = "The secret is that of RDS."
  }
}

run "only_the_services_connect" {
  assert {
    condition     = [for each in aws_vpc_security_group_ingress_rule.clients : [each.referenced_security_group_id, each.from_port, each.to_port] if each.cidr_ipv4 == null && each.cidr_ipv6 == null] == [["sg-service", 5432, 5432]]
    error_message = "Only the group of the services reaches the ledger."
  }

  assert {
    condition     = [for each in aws_vpc_security_group_egress_rule.clients : [each.security_group_id, each.from_port]] == [["sg-service", 5432]]
    error_message = "The services may connect to the ledger."
  }
}

run "alarms" {
  variables {
    alarm_topic_arns = ["arn:aws:sns:eu-west-1:123456789012:alarms"]
  }

  assert {
    condition     = toset([for each in aws_cloudwatch_metric_alarm.this : each.metric_name]) == toset(["CPUUtilization", "FreeStorageSpace", "FreeableMemory", "DatabaseConnections"])
    error_message = "The alarms of the ledger."
  }

  assert {
    condition     = alltrue([for each in aws_cloudwatch_metric_alarm.this : each.treat_missing_data == "breaching" && each.alarm_actions == toset(var.alarm_topic_arns) && each.dimensions.DBInstanceIdentifier == "eddyline-ledger"])
    error_message = "A missing metric is an alarm, and all alarms go to the topics."
  }
}

run "without_monitoring" {
  variables {
    monitoring_s         = 0
    performance_insights = false
    multi_az             = true
  }

  assert {
    condition     = length(aws_iam_role.monitoring) == 0 && aws_db_instance.this.multi_az
    error_message = "Without enhanced monitoring no role is created."
  }
}

run "one_subnet_is_refused" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}

run "an_old_version_is_refused" {
  command = plan

  variables {
    engine_version = "12"
  }

  expect_failures = [var.engine_version]
}

run "a_limit_below_the_storage_is_refused" {
  command = plan

  variables {
    storage_gib = { allocated = 100, limit = 100 }
  }

  expect_failures = [var.storage_gib]
}
