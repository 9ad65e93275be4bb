"""A lab of real nodes on one machine: kubelets, containers and kubeadm, in namespaces with no route out."""
