"""The keeper's HTTP face: /v1, metrics, health and the page. It talks to the application only."""
