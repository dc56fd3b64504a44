"""The event consumer: S3 tells SQS of a new object, SQS tells us, we run."""
