"""What alerts say, and the services they are told through."""
