-- People whom an outside provider has proven, as it described them last.
CREATE TABLE known_people (
    organization TEXT NOT NULL,
    provider     TEXT NOT NULL,
    subject      TEXT NOT NULL,
    user_name    TEXT NOT NULL,
    display_name TEXT,
    mail         TEXT,
    telephone    TEXT,
    last_seen    TEXT NOT NULL,
    PRIMARY KEY (organization, provider, subject)
);

-- Sessions that a provider has ended: those that began until then.
CREATE TABLE provider_logouts (
    provider TEXT NOT NULL,
    kind     TEXT NOT NULL CHECK (kind IN ('session', 'subject')),
    name     TEXT NOT NULL,
    at       TEXT NOT NULL,
    PRIMARY KEY (provider, kind, name)
);
