"""What `docker compose --profile watch up` adds: collector, Prometheus, Jaeger, Grafana."""
