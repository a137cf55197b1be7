"""Amazon ECS tasks as the local runtime runs them."""
