"""The readable sources of the examples, and the small API server, controllers and kubelets that make dumps of them."""
