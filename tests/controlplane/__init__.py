"""A real control plane on loopback for tests, demo and benchmarks.

etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok (simulated nodes and pods),
kubectl and an OCI registry, built once from pinned Go modules into the user's cache folder. Each
instance has its own ports, data and certificate authority; nothing outlives its owner.
"""
