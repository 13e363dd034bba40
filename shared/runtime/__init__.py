"""The queue runtime, and what it promises to every service:

1. An unparseable message, or one its handler rejects, goes to poison at once.  worker, poison
2. Tries are counted before the handler runs: one that kills is caught too.     worker
3. The lease is renewed while the handler works; losing it stops the work.      hand, work
4. A failure is retried after a growing, jittered delay; `Retry` sets its own.  backoff
5. SIGTERM: take nothing new, finish what is held within the drain time, or     stop, hand,
   hand it back, which is no try; leave. A second one: leave at once.           tries
6. Idle looks back off; outages are ridden out and logged once.                 backoff, worker
7. Log lines say who and what; a poisoning is an error, and fails its job.      worker, poison
"""
