"""Where each destination stands in its topics, seen from outside: no bridge need run, and no group is joined."""
