"""What a user would pick instead, timed beside ours."""
