"""Makes the tables of what kubeadm can migrate of a Corefile from the Go modules that it does it with."""
