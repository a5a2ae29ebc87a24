"""Links and addresses of one network namespace through rtnetlink; the only package that imports pyroute2."""
