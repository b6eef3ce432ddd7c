-- What an exemption demands beyond the person.
CREATE TABLE exemption_demands (
    exemption TEXT NOT NULL REFERENCES exemptions (id),
    demand    TEXT NOT NULL CHECK (demand IN ('device', 'multi_factor')),
    PRIMARY KEY (exemption, demand)
) STRICT;

-- Travel links that were given out: the hash of the token alone, and for how many devices a site.
CREATE TABLE travel_links (
    token_hash TEXT PRIMARY KEY,
    exemption  TEXT NOT NULL REFERENCES exemptions (id),
    made       TEXT NOT NULL,
    ends       TEXT NOT NULL,
    most       INTEGER NOT NULL
) STRICT;
CREATE INDEX travel_links_by_exemption ON travel_links (exemption);

-- Devices that are bound to an exemption: browsers by the link, ActiveSync clients by their DeviceId.
CREATE TABLE bound_devices (
    id        TEXT PRIMARY KEY,
    exemption TEXT NOT NULL REFERENCES exemptions (id),
    kind      TEXT NOT NULL CHECK (kind IN ('browser', 'activesync')),
    -- Of a browser the name in its cookie, of an ActiveSync client its DeviceId.
    mark      TEXT NOT NULL,
    -- Where the cookie was set; none for ActiveSync.
    site      TEXT,
    -- Which link it came by.
    link      TEXT,
    label     TEXT NOT NULL,
    bound     TEXT NOT NULL,
    revoked   TEXT
) STRICT;
CREATE INDEX bound_devices_by_exemption ON bound_devices (exemption);

-- What was proven of a person before this instant counts no longer.
CREATE TABLE person_ends (
    organization TEXT NOT NULL,
    provider     TEXT NOT NULL,
    subject      TEXT NOT NULL,
    at           TEXT NOT NULL,
    PRIMARY KEY (organization, provider, subject)
) STRICT;

-- Addresses from which a person's programs may pass for a while.
CREATE TABLE address_grants (
    id           TEXT PRIMARY KEY,
    organization TEXT NOT NULL,
    provider     TEXT NOT NULL,
    subject      TEXT NOT NULL,
    user_name    TEXT NOT NULL,
    site         TEXT NOT NULL,
    exemption    TEXT NOT NULL REFERENCES exemptions (id),
    network      TEXT NOT NULL,
    multi_factor INTEGER NOT NULL,
    -- The mark of the device from which it was asked for, where there was one.
    device       TEXT,
    began        TEXT NOT NULL,
    ends         TEXT NOT NULL,
    ended        TEXT
) STRICT;
CREATE INDEX address_grants_by_end ON address_grants (ends);
