# What the provider accepts silently, and AWS or the fleet would not: each is refused when planning.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_ssm_parameter" {
    defaults = { insecure_value = "ami-0123456789abcdef0" }
  }

  mock_data "aws_subnets" {
    defaults = { ids = [] }
  }
}

variables {
  name                      = "cpu"
  image                     = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/eddyline/cpu:1.0.0"
  image_repository_arn      = "arn:aws:ecr:eu-west-1:123456789012:repository/eddyline/cpu"
  vpc_id                    = "vpc-0123456789abcdef0"
  subnet_ids                = ["subnet-0a", "subnet-0b"]
  security_group_ids        = ["sg-0123456789abcdef0"]
  store                     = "s3://media/films"
  media_bucket_arn          = "arn:aws:s3:::media"
  command_queue_arn_pattern = "arn:aws:sqs:eu-west-1:123456789012:eddyline-to-*"
  report_queue_arns         = ["arn:aws:sqs:eu-west-1:123456789012:eddyline-answers"]
  job_queue_arns            = { cpu = ["arn:aws:sqs:eu-west-1:123456789012:eddyline-cpu-p0"] }
}

run "misspelt_strategy" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types    = { "c7i.4xlarge" = 16 }
        max_vcpu = 64
        spot     = { strategy = "capacity-optimised" }
      }
    }
  }

  expect_failures = [var.pool]
}

run "maximum_below_minimum" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types    = { "c7i.4xlarge" = 16 }
        min_vcpu = 65
        max_vcpu = 64
      }
    }
  }

  expect_failures = [var.pool]
}

run "on_demand_maximum_below_minimum" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types     = { "c7i.4xlarge" = 16 }
        max_vcpu  = 64
        on_demand = { min_vcpu = 33, max_vcpu = 32 }
      }
    }
  }

  expect_failures = [var.pool]
}

run "requirements_and_types" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types        = { "c7i.4xlarge" = 16 }
        max_vcpu     = 64
        requirements = { memory_mib = { min = 1, max = 2 }, vcpu = { min = 2, max = 4 } }
      }
    }
  }

  expect_failures = [var.pool]
}

run "neither_requirements_nor_types" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        max_vcpu = 64
      }
    }
  }

  expect_failures = [var.pool]
}

run "allowed_and_excluded_types" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        max_vcpu     = 64
        requirements = { memory_mib = { min = 1, max = 2 }, vcpu = { min = 2, max = 4 }, allowed_types = ["c7i.*"], excluded_types = ["t*"] }
      }
    }
  }

  expect_failures = [var.pool]
}

run "memory_maximum_below_minimum" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        max_vcpu     = 64
        requirements = { memory_mib = { min = 2, max = 1 }, vcpu = { min = 2, max = 4 } }
      }
    }
  }

  expect_failures = [var.pool]
}

run "a_weight_of_zero" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types    = { "c7i.4xlarge" = 0 }
        max_vcpu = 64
      }
    }
  }

  expect_failures = [var.pool]
}

run "another_scaler" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types    = { "c7i.4xlarge" = 16 }
        max_vcpu = 64
        scaling  = "karpenter"
      }
    }
  }

  expect_failures = [var.pool]
}

run "a_warm_pool" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types     = { "c7i.4xlarge" = 16 }
        max_vcpu  = 64
        warm_pool = true
      }
    }
  }

  expect_failures = [var.pool]
}

run "a_hook_longer_than_two_hours" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types    = { "c7i.4xlarge" = 16 }
        max_vcpu = 64
        hook_s   = 7201
      }
    }
  }

  expect_failures = [var.pool]
}

run "a_stop_longer_than_a_spot_notice" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types    = { "c7i.4xlarge" = 16 }
        max_vcpu = 64
        stop_s   = 111
      }
    }
  }

  expect_failures = [var.pool]
}

run "a_gpu_on_arm64" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      arch  = "arm64"
      gpu   = "nvidia"
      capacity = {
        types    = { "c7i.4xlarge" = 16 }
        max_vcpu = 64
      }
    }
  }

  expect_failures = [var.pool]
}

run "a_maximum_below_one_machine" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types    = { "c7i.4xlarge" = 16 }
        max_vcpu = 15
      }
    }
  }

  expect_failures = [aws_autoscaling_group.this]
}

run "zones_without_subnets" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types    = { "c7i.4xlarge" = 16 }
        max_vcpu = 64
        zones    = ["eu-west-1z"]
      }
    }
  }

  expect_failures = [aws_autoscaling_group.this]
}

run "a_served_pool_without_queues" {
  command = plan

  variables {
    pool = {
      kinds  = ["chunk"]
      cost   = 1
      slot   = { vcpu = 2, memory_mib = 3584 }
      serves = ["light"]
      capacity = {
        types    = { "c7i.4xlarge" = 16 }
        max_vcpu = 64
      }
    }
  }

  expect_failures = [var.job_queue_arns]
}

run "an_image_without_a_version" {
  command = plan

  variables {
    image = "eddyline/cpu:latest"
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types    = { "c7i.4xlarge" = 16 }
        max_vcpu = 64
      }
    }
  }

  expect_failures = [var.image]
}

run "predictive_policies_beside_eddyline" {
  command = plan

  variables {
    pool = {
      kinds = ["chunk"]
      cost  = 1
      slot  = { vcpu = 2, memory_mib = 3584 }
      capacity = {
        types      = { "c7i.4xlarge" = 16 }
        max_vcpu   = 64
        scaling    = "eddyline"
        predictive = true
      }
    }
  }

  expect_failures = [var.pool]
}
