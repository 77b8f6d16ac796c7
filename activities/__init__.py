"""What touches the world on behalf of a workflow: the record, the directory, email, SMS and the telephone."""
