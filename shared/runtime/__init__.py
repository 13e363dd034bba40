"""The queue runtime, which promises every service:

1. A message that can't be parsed, or is rejected, goes to poison at once.      settling, poison
2. Attempts are counted before the handler runs, so a crash counts too.         consumer, tries
3. The lease is renewed while the handler runs; losing it stops the handler.    handler_thread, work
4. A failure is retried after a growing, jittered delay; `Retry` sets its own.  settling, backoff
5. After SIGTERM nothing is received. The message in flight is finished within  stop, tries,
   the drain time or handed back, which is no attempt. A second: exit at once.  handler_thread
6. Idle polling backs off; outages are waited for and logged once.              backoff, consumer
7. Log lines have job and message; poisoning is an error, and fails the job.    settling, poison
"""
