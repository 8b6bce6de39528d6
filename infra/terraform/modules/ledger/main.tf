locals {
  major = split(".", var.engine_version)[0]
  name  = "${var.prefix}-ledger"
}

resource "aws_db_subnet_group" "this" {
  name       = local.name
  subnet_ids = var.subnet_ids
  tags       = var.tags
}

resource "aws_security_group" "this" {
  name        = local.name
  description = "The ledger: PostgreSQL from the services only, no outgoing connections"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = local.name })
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.client_security_group_ids

  security_group_id            = aws_security_group.this.id
  description                  = "PostgreSQL from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = each.value
}

resource "aws_vpc_security_group_egress_rule" "clients" {
  for_each = var.client_security_group_ids

  security_group_id            = each.value
  description                  = "PostgreSQL to the ledger"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = aws_security_group.this.id
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${local.name}-"
  family      = "postgres${local.major}"
  description = "The ledger of ${var.prefix}"
  tags        = var.tags

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  # Slower statements are logged (ms). Timeouts of statements are set by the program for each connection.
  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  # Rows of jobs are updated often; the default of 20 % would let dead rows grow with the table.
  parameter {
    name  = "autovacuum_vacuum_scale_factor"
    value = "0.05"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_157:A standby is a choice of the user (multi_az)
  #checkov:skip=CKV_AWS_161:The password is managed and rotated by RDS; IAM tokens expire after 15 minutes and are limited to 200 connections a second
  #checkov:skip=CKV_AWS_354:The key is a choice of the user (kms_key_arn)
  #checkov:skip=CKV_AWS_353:Performance Insights is a choice of the user: small classes do not offer it
  #checkov:skip=CKV_AWS_293:Deletion protection is on by default; tests and demonstrations turn it off
  #checkov:skip=CKV_AWS_118:Enhanced monitoring is on by default (monitoring_s)
  #checkov:skip=CKV2_AWS_30:Statements slower than 1 s are logged (parameter group); all of them would be a flood
  identifier     = local.name
  engine         = "postgres"
  engine_version = var.engine_version
  instance_class = var.instance_class

  db_name                       = "eddyline"
  username                      = "eddyline"
  manage_master_user_password   = true
  master_user_secret_kms_key_id = var.kms_key_arn

  allocated_storage     = var.storage_gib.allocated
  max_allocated_storage = var.storage_gib.limit
  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn

  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  publicly_accessible    = false
  multi_az               = var.multi_az
  parameter_group_name   = aws_db_parameter_group.this.name
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  backup_retention_period    = var.backup_days
  backup_window              = "02:00-03:00"
  maintenance_window         = "sun:03:30-sun:04:30"
  copy_tags_to_snapshot      = true
  deletion_protection        = var.deletion_protection
  delete_automated_backups   = false
  skip_final_snapshot        = !var.final_snapshot
  final_snapshot_identifier  = var.final_snapshot ? "${local.name}-final" : null
  auto_minor_version_upgrade = true

  performance_insights_enabled          = var.performance_insights
  performance_insights_retention_period = var.performance_insights ? 7 : null
  performance_insights_kms_key_id       = var.performance_insights ? var.kms_key_arn : null
  monitoring_interval                   = var.monitoring_s
  monitoring_role_arn                   = one(aws_iam_role.monitoring[*].arn)
  enabled_cloudwatch_logs_exports       = ["postgresql", "upgrade"]

  tags = var.tags
}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "monitoring" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "monitoring" {
  count = var.monitoring_s > 0 ? 1 : 0

  name               = "${local.name}-monitoring"
  assume_role_policy = data.aws_iam_policy_document.monitoring.json
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  count = var.monitoring_s > 0 ? 1 : 0

  role       = aws_iam_role.monitoring[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}
