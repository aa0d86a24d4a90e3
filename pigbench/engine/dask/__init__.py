"""The Dask engine: stages on the workers of a cluster that share the store."""
