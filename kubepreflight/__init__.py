"""kubepreflight: look at a kubeadm cluster the day before its upgrade."""

__version__ = "0.1.0"
