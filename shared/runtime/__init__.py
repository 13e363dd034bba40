"""The queue runtime, and what it promises to every service:

1. An unparseable message, or one that its handler rejects, goes to poison at once.   worker, poison
2. Tries are counted before the handler runs, so a message that kills is caught too.  worker
3. The lease is renewed while the handler works; a lost lease stops the work.         worker, work
4. A failure is retried after a growing, jittered delay; `Retry` says when itself.    backoff
5. SIGTERM: take nothing new, finish or hand back what is held; a second one leaves.  stop, worker
6. Looking at an empty queue backs off; outages are ridden out and logged once.       backoff, worker
7. Log lines carry who and what; a poisoning is an error, and fails its job.          worker, poison
"""
