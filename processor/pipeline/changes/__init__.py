"""What another configuration would do with recorded events: outcomes, payloads and fields that change."""
