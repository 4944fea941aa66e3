"""Writes what of `deploy/` is made from the code: `python -m tools.deploy`.

- `acls`: the chart's Kafka users get the ACLs that SECURITY.md lists;
- `values`: the chart's schema, and the table of its values, from the comments in its `values.yaml`;
- `render`: the manifests that the chart renders, for those who use no Helm.
"""
