output "url" {
  description = "URL of the ledger without credentials, for EDDYLINE_LEDGER. The client library reads user and password from PGUSER and PGPASSWORD."
  value       = "postgresql://${aws_db_instance.this.address}:${aws_db_instance.this.port}/${aws_db_instance.this.db_name}?sslmode=verify-full&sslrootcert=${var.ca_file}"
}

output "secret_arn" {
  description = "ARN of the secret of RDS with the keys username and password."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "identifier" {
  description = "Identifier of the instance."
  value       = aws_db_instance.this.identifier
}

output "address" {
  description = "Host name of the instance."
  value       = aws_db_instance.this.address
}

output "security_group_id" {
  description = "ID of the security group of the ledger."
  value       = aws_security_group.this.id
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = sort([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name])
}
