# One image for every role; compose.yaml says which one a container plays.
FROM python:3.12-slim

# What the agent role drives: dnsmasq for DHCP, nftables for NAT, conntrack; and ip to look. Nothing starts by itself.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        conntrack dnsmasq-base iproute2 nftables \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/netledger

# The lock alone first, so that a change of the code does not install it again.
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY LICENSE README.md pyproject.toml ./
COPY events events
COPY projections projections
COPY services services
COPY host_agent host_agent
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && python -c "import events, services; assert 'site-packages' in events.__file__ and 'site-packages' in services.__file__"

# The roles need no root, but for the agent, whose container says so.
RUN useradd --system --create-home --home-dir /var/lib/netledger netledger
USER netledger
WORKDIR /var/lib/netledger
ENV NETLEDGER_DATA=/var/lib/netledger

ENTRYPOINT ["netledger"]
CMD ["--help"]
