"""Ray: jobs of a cluster that KubeRay, `ray up` or `ray start` has made."""
