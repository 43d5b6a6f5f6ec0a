"""The formats that Ground Truth reads and writes: manifests, tasks, answers, batches, labels, jobs."""
