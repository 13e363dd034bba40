"""List prices by which costs are estimated, in US dollars. Update them before use."""

#: Pay as you go, East US, locally redundant, hot tier.
NODE = "D2s v5 (2 vCPUs, 8 GiB)"
NODE_HOUR = 0.096
TEN_THOUSAND_READS = 0.004
TEN_THOUSAND_WRITES = 0.05
TEN_THOUSAND_QUEUED = 0.004
