"""Adapters: the modules that call AWS services, except DynamoDB (task_queue.table), or read environment variables."""
