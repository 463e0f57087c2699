"""Where the samples of a run are computed: in this process, or on a cluster that exists already."""
