"""The chat as shoppers see it: web standards only, served as it stands."""
