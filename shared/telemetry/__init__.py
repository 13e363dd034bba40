"""What an operator sees: traces, metrics, the log of each job, and the audit.

ids          of a job's trace and its spans; W3C's `traceparent`
spans        what took from when to when, and what happened in it
handling     the span of one delivery of a message, by OpenTelemetry's conventions
job_log      log lines and spans of each job, kept in the container `logs`
raw_output   keeps under its job what a worker's process writes besides
redaction    replaces keys, signatures and tokens in any text
metrics      the metrics of all services, by name
otlp         sends spans to a collector; the only module that imports OpenTelemetry's SDK for spans
otlp_metrics the same for metrics
audit        who cancelled, requeued, purged, granted or scaled
"""
