"""Engines run a plan: on processes of this machine (`local`), or on a cluster's workers (`dask`)."""
