"""What people see of jobs, messages and models, and what they do with them: for all services."""
