"""Queue of labelling tasks in DynamoDB, for the portal on AWS."""
