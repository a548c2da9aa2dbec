"""What requests carry and responses set: credentials, cookies, CSRF, the device, the error bodies."""
