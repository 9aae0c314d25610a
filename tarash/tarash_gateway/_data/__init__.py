"""What passes between the rooms: requests, configs, responses, and the facts in them."""
