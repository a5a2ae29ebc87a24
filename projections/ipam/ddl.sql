-- The IPAM tables of one cell, in a schema of their own. Everything here is built from the ledger and can be rebuilt from it.
-- Runs with search_path set to that schema alone. The layout's number is LAYOUT in schema.py: raise it with every change here.

CREATE TABLE about (
    layout int NOT NULL,
    cell text NOT NULL
);

-- How far the ledger has been read. Written in the transaction of every effect, by compare-and-set.
CREATE TABLE position (
    only_row bool PRIMARY KEY DEFAULT true CHECK (only_row),
    seq int8 NOT NULL,
    next_offset int8 NOT NULL,
    chain text NOT NULL,
    position jsonb NOT NULL,     -- events.ledger.position.Position
    written_at timestamptz NOT NULL DEFAULT now()
);

-- What each host says about itself: liveness, not part of the ledger, and of no digest.
CREATE TABLE host_status (
    host text PRIMARY KEY,
    seq int8 NOT NULL,
    failures int8 NOT NULL,
    repairs int8 NOT NULL,
    reported_time timestamptz NOT NULL
);
CREATE TABLE report_position (
    only_row bool PRIMARY KEY DEFAULT true CHECK (only_row),
    incarnation text NOT NULL,
    next_offset int8 NOT NULL
);

-- Every decision: who asked for what, and what was answered. Bodies stay in the ledger, at log_offset.
CREATE TABLE decisions (
    seq int8 PRIMARY KEY,
    log_offset int8 NOT NULL,
    term int8 NOT NULL,
    time timestamptz NOT NULL,
    cause text NOT NULL,
    subject text COLLATE "C" NOT NULL,
    command_id text COLLATE "C",
    correlation_id text,
    user_name text,
    project_id text,
    is_admin bool,
    code text,                   -- of a refusal, with the offending field and a sentence
    field text,
    message text,
    repeats_seq int8             -- the first decision on a command that came again
);
CREATE INDEX decisions_by_command ON decisions (command_id) WHERE command_id IS NOT NULL;

-- A violated constraint, seen by the database independently of the allocator's own checks.
CREATE TABLE conflicts (
    seq int8 NOT NULL,
    time timestamptz NOT NULL,
    problem text NOT NULL CHECK (problem IN ('held twice', 'not held')),
    what text NOT NULL,          -- the table
    held jsonb NOT NULL,         -- the key: what is held twice, or freed though nobody held it
    holder jsonb,                -- who held it already
    other jsonb NOT NULL         -- who came to hold it beside the holder, or was to let go of it
);

CREATE TABLE networks (
    network_id uuid PRIMARY KEY,
    kind text NOT NULL,
    label text NOT NULL,
    injected bool NOT NULL,
    cidr cidr,                   -- null for one of IPv6 alone
    netmask inet,
    broadcast inet,
    gateway inet,
    dhcp_start inet,
    dhcp_server inet,
    enable_dhcp bool NOT NULL,
    share_address bool NOT NULL,
    cidr_v6 cidr,
    gateway_v6 inet,
    netmask_v6 text,             -- prefix length
    multi_host bool NOT NULL,
    bridge text NOT NULL,
    bridge_interface text,
    vlan int,
    mtu int,
    dns1 inet,
    dns2 inet,
    vpn_public_address inet,
    vpn_public_port int,
    vpn_private_address inet,
    rxtx_base int,
    project_id text,             -- who may use it now
    priority int,
    physical_network text NOT NULL,
    reserved jsonb NOT NULL,     -- ranges that are never handed out
    usable int8 NOT NULL,        -- addresses that are
    host text,                   -- network host
    epoch int NOT NULL,          -- counts its owners
    from_rank int NOT NULL,      -- place in the decision that created it
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL
);
CREATE TABLE network_history (
    network_id uuid NOT NULL,
    kind text NOT NULL,
    label text NOT NULL,
    cidr cidr,
    cidr_v6 cidr,
    vlan int,
    project_id text,
    physical_network text NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL,
    to_time timestamptz NOT NULL
);
CREATE INDEX ON network_history (network_id);

-- Which project a network belongs to, and belonged to; one of nobody has no row.
CREATE TABLE network_projects (
    network_id uuid PRIMARY KEY,
    project_id text NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL
);
CREATE TABLE network_project_history (
    network_id uuid NOT NULL,
    project_id text NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL,
    to_time timestamptz NOT NULL
);
CREATE INDEX ON network_project_history (network_id);

-- Limits of projects that have their own; `decisions` tells who set them. Usage is a count over the tables.
CREATE TABLE quotas (
    project_id text NOT NULL,
    resource text NOT NULL,
    hard_limit int NOT NULL,     -- -1: none
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    PRIMARY KEY (project_id, resource)
);

-- Who owned which network from when to when: by the database, too, never two at a time.
CREATE TABLE network_hosts (
    network_id uuid NOT NULL,
    host text NOT NULL,
    epoch int NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    contest int2 NOT NULL DEFAULT 0,
    contested bool NOT NULL DEFAULT false,
    PRIMARY KEY (network_id, contest)
);
CREATE INDEX ON network_hosts (contest) WHERE contest > 0;
CREATE TABLE network_host_history (
    network_id uuid NOT NULL,
    host text NOT NULL,
    epoch int NOT NULL,
    reason text NOT NULL,        -- why it ended
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL CHECK (to_seq >= from_seq),
    to_time timestamptz NOT NULL,
    contested bool NOT NULL DEFAULT false,
    CONSTRAINT one_owner_of_a_network
        EXCLUDE USING gist (network_id WITH =, int8range(from_seq, to_seq) WITH &&) WHERE (NOT contested)
);
CREATE INDEX ON network_host_history (network_id);

-- Addresses at which hosts serve multi_host networks.
CREATE TABLE host_addresses (
    network_id uuid NOT NULL,
    address inet NOT NULL,
    allocation_id uuid NOT NULL,
    host text NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    contest int2 NOT NULL DEFAULT 0,
    contested bool NOT NULL DEFAULT false,
    PRIMARY KEY (network_id, address, contest)
);
CREATE INDEX ON host_addresses (contest) WHERE contest > 0;
CREATE TABLE host_address_history (
    network_id uuid NOT NULL,
    address inet NOT NULL,
    allocation_id uuid NOT NULL,
    host text NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL CHECK (to_seq >= from_seq),
    to_time timestamptz NOT NULL,
    contested bool NOT NULL DEFAULT false,
    CONSTRAINT one_host_of_an_address
        EXCLUDE USING gist (address WITH =, network_id WITH =, int8range(from_seq, to_seq) WITH &&) WHERE (NOT contested)
);

CREATE TABLE hosts (
    host text PRIMARY KEY,
    physical_networks text[] NOT NULL,
    lease_s int NOT NULL,        -- seconds without the end of the ledger after which it serves nothing
    network_host bool NOT NULL,
    epoch int NOT NULL,          -- counts how often it came back after a fence
    fenced_until timestamptz,    -- it fell silent; about when others take over
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    let_go_seq int8 NOT NULL DEFAULT 0   -- it has let go of what was released up to here
);

CREATE TABLE instances (
    instance_uuid uuid PRIMARY KEY,
    project_id text NOT NULL,
    host text,                   -- it is bound to; null in the middle of a move
    epoch int NOT NULL,          -- counts the hosts that it was bound to
    host_seq int8 NOT NULL,      -- since when `host` is what it is
    hostname text,
    display_name text,
    availability_zone text,
    rxtx_factor float8,
    request_digest text NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL
);
CREATE TABLE instance_history (
    instance_uuid uuid NOT NULL,
    project_id text NOT NULL,
    host text,                   -- the last one
    epoch int NOT NULL,
    host_seq int8 NOT NULL,
    hostname text,
    display_name text,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL,
    to_time timestamptz NOT NULL
);
CREATE INDEX ON instance_history (instance_uuid);

-- Hosts that instances were bound to before the one of their row, in which the present or last binding is.
CREATE TABLE instance_binding_history (
    instance_uuid uuid NOT NULL,
    host text NOT NULL,
    epoch int NOT NULL,
    from_seq int8 NOT NULL,
    to_seq int8 NOT NULL CHECK (to_seq >= from_seq),
    contested bool NOT NULL DEFAULT false,
    CONSTRAINT one_host_of_an_instance
        EXCLUDE USING gist (instance_uuid WITH =, int8range(from_seq, to_seq) WITH &&) WHERE (NOT contested)
);

-- Hosts that have ports of an instance without being the one that it is bound to.
CREATE TABLE prepared_instances (
    instance_uuid uuid NOT NULL,
    host text NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    PRIMARY KEY (instance_uuid, host)
);
CREATE TABLE prepared_instance_history (
    instance_uuid uuid NOT NULL,
    host text NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL,
    to_time timestamptz NOT NULL
);
CREATE INDEX ON prepared_instance_history (instance_uuid);

-- What may have one holder only. Now: one row of rank 0 (contest) for each key; a second holder is kept beside it with a higher rank,
-- reported in conflicts, and moves up when the first is gone. Ended: no two rows overlap, unless their conflict was reported (contested).

CREATE TABLE vifs (
    mac macaddr NOT NULL,
    vif_id uuid NOT NULL,
    instance_uuid uuid NOT NULL,
    network_id uuid NOT NULL,
    host text,
    index int2 NOT NULL,
    tag text,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    contest int2 NOT NULL DEFAULT 0,
    contested bool NOT NULL DEFAULT false,
    PRIMARY KEY (mac, contest)
);
CREATE INDEX ON vifs (instance_uuid);
CREATE INDEX ON vifs (contest) WHERE contest > 0;
CREATE TABLE mac_history (
    mac macaddr NOT NULL,
    vif_id uuid NOT NULL,
    instance_uuid uuid NOT NULL,
    network_id uuid NOT NULL,
    host text,
    index int2 NOT NULL,
    tag text,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL CHECK (to_seq >= from_seq),
    to_time timestamptz NOT NULL,
    contested bool NOT NULL DEFAULT false,
    CONSTRAINT one_holder_of_a_mac
        EXCLUDE USING gist (mac WITH =, int8range(from_seq, to_seq) WITH &&) WHERE (NOT contested)
);
CREATE INDEX ON mac_history (instance_uuid);

-- IPv6 addresses that were derived from a NIC's MAC; they live as long as the NIC.
CREATE TABLE ipv6_addresses (
    network_id uuid NOT NULL,
    address inet NOT NULL,
    vif_id uuid NOT NULL,
    mac macaddr NOT NULL,
    instance_uuid uuid NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    contest int2 NOT NULL DEFAULT 0,
    contested bool NOT NULL DEFAULT false,
    PRIMARY KEY (network_id, address, contest)
);
CREATE INDEX ON ipv6_addresses (instance_uuid);
CREATE INDEX ON ipv6_addresses (contest) WHERE contest > 0;
CREATE TABLE ipv6_address_history (
    network_id uuid NOT NULL,
    address inet NOT NULL,
    vif_id uuid NOT NULL,
    mac macaddr NOT NULL,
    instance_uuid uuid NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL CHECK (to_seq >= from_seq),
    to_time timestamptz NOT NULL,
    contested bool NOT NULL DEFAULT false,
    CONSTRAINT one_holder_of_an_ipv6_address
        EXCLUDE USING gist (address WITH =, network_id WITH =, int8range(from_seq, to_seq) WITH &&) WHERE (NOT contested)
);
CREATE INDEX ON ipv6_address_history (instance_uuid);

CREATE TABLE fixed_ips (
    network_id uuid NOT NULL,
    address inet NOT NULL,
    allocation_id uuid NOT NULL,
    vif_id uuid NOT NULL,
    mac macaddr NOT NULL,
    instance_uuid uuid NOT NULL,
    project_id text NOT NULL,
    host text,
    hostname text,
    leased bool NOT NULL,
    draining bool NOT NULL,
    released_seq int8,
    released_time timestamptz,
    waits_for text[],            -- hosts that served it when it was released
    drain_until timestamptz,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    contest int2 NOT NULL DEFAULT 0,
    contested bool NOT NULL DEFAULT false,
    PRIMARY KEY (network_id, address, contest)
) WITH (fillfactor = 90);        -- leases change in place
CREATE INDEX ON fixed_ips (instance_uuid);
CREATE INDEX ON fixed_ips (contest) WHERE contest > 0;
-- The address leads: GiST then splits by it, which halves the cost of the constraint, and finds it without its network.
CREATE TABLE fixed_ip_history (
    network_id uuid NOT NULL,
    address inet NOT NULL,
    allocation_id uuid NOT NULL,
    vif_id uuid NOT NULL,
    mac macaddr NOT NULL,
    instance_uuid uuid NOT NULL,
    project_id text NOT NULL,
    host text,
    hostname text,
    released_seq int8,           -- when the instance lost it; it drained until to_seq
    released_time timestamptz,
    reason text NOT NULL,        -- why it became free
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL CHECK (to_seq >= from_seq),
    to_time timestamptz NOT NULL,
    contested bool NOT NULL DEFAULT false,
    CONSTRAINT one_holder_of_a_fixed_ip
        EXCLUDE USING gist (address WITH =, network_id WITH =, int8range(from_seq, to_seq) WITH &&) WHERE (NOT contested)
);
CREATE INDEX ON fixed_ip_history (instance_uuid);

-- Addresses that are not handed out, held by somebody or not; `decisions` tells who reserved them.
CREATE TABLE fixed_ip_reservations (
    network_id uuid NOT NULL,
    address inet NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    PRIMARY KEY (network_id, address)
);
CREATE TABLE fixed_ip_reservation_history (
    network_id uuid NOT NULL,
    address inet NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL,
    to_time timestamptz NOT NULL
);

-- The parts of a range that are left when some of it is deleted are ranges of their own from then on.
CREATE TABLE floating_ranges (
    pool text NOT NULL,
    interface text,
    first inet NOT NULL,
    last inet NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    PRIMARY KEY (first, last)
);
CREATE TABLE floating_range_history (
    pool text NOT NULL,
    interface text,
    first inet NOT NULL,
    last inet NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL,
    to_time timestamptz NOT NULL
);

CREATE TABLE floating_ips (
    address inet NOT NULL,
    project_id text NOT NULL,
    pool text NOT NULL,
    interface text,
    auto_assigned bool NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    contest int2 NOT NULL DEFAULT 0,
    contested bool NOT NULL DEFAULT false,
    PRIMARY KEY (address, contest)
);
CREATE INDEX ON floating_ips (project_id);
CREATE INDEX ON floating_ips (contest) WHERE contest > 0;
CREATE TABLE floating_ip_history (
    address inet NOT NULL,
    project_id text NOT NULL,
    pool text NOT NULL,
    interface text,
    auto_assigned bool NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL CHECK (to_seq >= from_seq),
    to_time timestamptz NOT NULL,
    contested bool NOT NULL DEFAULT false,
    CONSTRAINT one_owner_of_a_floating_ip
        EXCLUDE USING gist (address WITH =, int8range(from_seq, to_seq) WITH &&) WHERE (NOT contested)
);

CREATE TABLE floating_associations (
    address inet NOT NULL,
    allocation_id uuid NOT NULL,
    network_id uuid NOT NULL,
    fixed_address inet NOT NULL,
    instance_uuid uuid NOT NULL,
    project_id text NOT NULL,
    interface text,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    contest int2 NOT NULL DEFAULT 0,
    contested bool NOT NULL DEFAULT false,
    PRIMARY KEY (address, contest)
);
CREATE INDEX ON floating_associations (instance_uuid);
CREATE INDEX ON floating_associations (contest) WHERE contest > 0;
CREATE TABLE floating_association_history (
    address inet NOT NULL,
    allocation_id uuid NOT NULL,
    network_id uuid NOT NULL,
    fixed_address inet NOT NULL,
    instance_uuid uuid NOT NULL,
    project_id text NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL CHECK (to_seq >= from_seq),
    to_time timestamptz NOT NULL,
    contested bool NOT NULL DEFAULT false,
    CONSTRAINT one_target_of_a_floating_ip
        EXCLUDE USING gist (address WITH =, int8range(from_seq, to_seq) WITH &&) WHERE (NOT contested)
);
CREATE INDEX ON floating_association_history (instance_uuid);

CREATE TABLE dns_domains (
    domain text COLLATE "C" PRIMARY KEY,
    scope text NOT NULL,
    availability_zone text,
    project_id text,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL
);
CREATE TABLE dns_domain_history (
    domain text COLLATE "C" NOT NULL,
    scope text NOT NULL,
    availability_zone text,
    project_id text,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL,
    to_time timestamptz NOT NULL
);

-- A name stands for a floating IP, or for the fixed IP of an instance.
CREATE TABLE dns_entries (
    domain text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    address inet NOT NULL,
    allocation_id uuid,
    instance_uuid uuid,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    PRIMARY KEY (domain, name)
);
CREATE INDEX ON dns_entries (address);
CREATE TABLE dns_entry_history (
    domain text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    address inet NOT NULL,
    allocation_id uuid,
    instance_uuid uuid,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL,
    to_time timestamptz NOT NULL
);
CREATE INDEX ON dns_entry_history (domain, name);

-- Security groups; a project's default group is here once something refers to it.
CREATE TABLE security_groups (
    group_id uuid PRIMARY KEY,
    project_id text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    from_rank int NOT NULL,      -- place in the decision that created it
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL
);
CREATE INDEX ON security_groups (project_id);
CREATE TABLE security_group_history (
    group_id uuid NOT NULL,
    project_id text NOT NULL,
    name text NOT NULL,          -- its last one
    description text NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL,
    to_time timestamptz NOT NULL
);
CREATE TABLE security_group_rules (
    rule_id uuid PRIMARY KEY,
    group_id uuid NOT NULL,
    protocol text,               -- none: any
    from_port int,               -- or ICMP type
    to_port int,                 -- or ICMP code
    cidr cidr,
    source_group_id uuid,        -- whose members it lets in, if no block
    from_rank int NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL
);
CREATE INDEX ON security_group_rules (group_id);
CREATE TABLE security_group_rule_history (
    rule_id uuid NOT NULL,
    group_id uuid NOT NULL,
    protocol text,
    from_port int,
    to_port int,
    cidr cidr,
    source_group_id uuid,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL,
    to_time timestamptz NOT NULL
);
CREATE TABLE security_group_members (
    instance_uuid uuid NOT NULL,
    group_id uuid NOT NULL,
    from_rank int NOT NULL,      -- place among the groups that it joined in one decision
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    PRIMARY KEY (instance_uuid, group_id)
);
CREATE INDEX ON security_group_members (group_id);
CREATE TABLE security_group_member_history (
    instance_uuid uuid NOT NULL,
    group_id uuid NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL,
    to_time timestamptz NOT NULL
);
CREATE INDEX ON security_group_member_history (instance_uuid);
CREATE TABLE provider_fw_rules (
    rule_id uuid PRIMARY KEY,
    protocol text NOT NULL,
    from_port int NOT NULL,
    to_port int NOT NULL,
    cidr cidr NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL
);
CREATE TABLE provider_fw_rule_history (
    rule_id uuid NOT NULL,
    protocol text NOT NULL,
    from_port int NOT NULL,
    to_port int NOT NULL,
    cidr cidr NOT NULL,
    from_seq int8 NOT NULL,
    from_time timestamptz NOT NULL,
    to_seq int8 NOT NULL,
    to_time timestamptz NOT NULL
);
