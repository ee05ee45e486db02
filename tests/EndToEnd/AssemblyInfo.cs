// Five processes a mesh on two cores: one mesh at a time.
[assembly: Xunit.CollectionBehavior(DisableTestParallelization = true)]
