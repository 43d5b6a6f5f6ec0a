"""Queue of labelling tasks in DynamoDB, for the portal on AWS. No function ships it yet."""
