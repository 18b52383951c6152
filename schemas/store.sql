-- The embedded user store of rollcall: a documented interface.
--
-- This file is the schema itself: `rollcall init` executes it, as it stands here, into a new store file. The rules that
-- need no settings are held by triggers, and so are versions and change marks. So a row that somebody edits with the
-- `sqlite3` shell is a lawful live change: what the rules forbid is refused, the next `rollcall plan` sees the rest.
--
--     sqlite3 .rollcall/store.db
--
-- Examples (names and keys are invented):
--
--     -- who is a member of north-quarries, and as what
--     SELECT u.key, r.name FROM memberships m JOIN users u ON u.id = m.user_id
--       JOIN organizations o ON o.id = m.organization_id LEFT JOIN roles r ON r.id = m.role_id
--       WHERE o.name = 'north-quarries' ORDER BY u.key;
--
--     -- lock somebody out at once; access stays, and nobody is let in again by the manifests alone (`status: active`
--     -- lets the person in, wherever it stands; `rollcall deactivate` keeps one that is older from doing so)
--     UPDATE users SET status = 'inactive' WHERE key = 'ben@example.com';
--
--     -- a new account
--     INSERT INTO users (key, status, given_name) VALUES ('zoe@example.com', 'active', 'Zoe');
--
--     -- a membership, then a site (a site needs the membership; take the membership away and its sites go too)
--     INSERT INTO memberships (user_id, organization_id, role_id) SELECT u.id, o.id, r.id
--       FROM users u, organizations o, roles r
--       WHERE u.key = 'zoe@example.com' AND o.name = 'north-quarries' AND r.name = 'operator';
--     INSERT INTO site_grants (user_id, organization_id, site_id) SELECT u.id, s.organization_id, s.id
--       FROM users u, sites s JOIN organizations o ON o.id = s.organization_id
--       WHERE u.key = 'zoe@example.com' AND o.name = 'north-quarries' AND s.name = 'pit-1';
--
--     -- an attribute; values are JSON: "text", true, 12, ["a", "b"]
--     INSERT INTO user_attributes (user_id, field, value)
--       SELECT id, 'attributes.clearance', '"high"' FROM users WHERE key = 'zoe@example.com';
--
-- What depends on settings (seats, how long an invitation lasts, what nobody may do to the own account) is held by
-- rollcall, not here. Times are UTC in the form 2026-11-22T09:00:00Z.
--
-- Filling a store with millions of rows: give `users.identity` with each user, go through each table in the order of
-- its primary key, in one transaction; to save the versions and marks of rows that nobody has read yet, keep the text
-- of the triggers (SELECT sql FROM sqlite_schema WHERE type = 'trigger'), drop them, fill, and create them again.

PRAGMA application_id = 1919904876; -- "roll"
PRAGMA user_version = 1;            -- the version of this schema; rollcall refuses a newer one

-- One row: what this store is. Nothing here is changed by hand.
CREATE TABLE meta (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    store_id  TEXT NOT NULL,                                                     -- random, never changes
    key_field TEXT NOT NULL CHECK (key_field IN ('login', 'email')),             -- what a key is
    key_case  TEXT NOT NULL CHECK (key_case IN ('sensitive', 'insensitive'))     -- how keys compare
) STRICT;

-- Roles. `includes`, `permissions` and `applies_to` are JSON arrays of texts.
CREATE TABLE roles (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL UNIQUE CHECK (name <> ''),
    display_name TEXT,                                -- the field `name` of a manifest
    rank         INTEGER CHECK (rank BETWEEN -2147483648 AND 2147483647),  -- higher contains lower
    includes     TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(includes) AND json_type(includes) = 'array'),
    permissions  TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(permissions) AND json_type(permissions) = 'array'),
    site_access  TEXT NOT NULL DEFAULT 'selected' CHECK (site_access IN ('selected', 'all')),
    admin        INTEGER NOT NULL DEFAULT 0 CHECK (admin IN (0, 1)),
    protected    INTEGER NOT NULL DEFAULT 0 CHECK (protected IN (0, 1)),
    grantable    INTEGER NOT NULL DEFAULT 1 CHECK (grantable IN (0, 1)),
    applies_to   TEXT NOT NULL DEFAULT '["organization","site"]'
                 CHECK (json_valid(applies_to) AND json_type(applies_to) = 'array')
) STRICT;

-- Organizations. `attributes` is a JSON object: {"attributes.region": "north"}.
CREATE TABLE organizations (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL UNIQUE CHECK (name <> ''),
    display_name TEXT,                                -- the field `name` of a manifest
    kind         TEXT,
    parent       TEXT,
    is_default   INTEGER CHECK (is_default IN (0, 1)),
    includes     TEXT CHECK (includes IS NULL OR (json_valid(includes) AND json_type(includes) = 'array')),
    attributes   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(attributes) AND json_type(attributes) = 'object')
) STRICT;

-- Sites, each of one organization.
CREATE TABLE sites (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL CHECK (name <> ''),
    display_name    TEXT,
    kind            TEXT,
    parent          TEXT,
    is_default      INTEGER CHECK (is_default IN (0, 1)),
    includes        TEXT CHECK (includes IS NULL OR (json_valid(includes) AND json_type(includes) = 'array')),
    attributes      TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(attributes) AND json_type(attributes) = 'object'),
    UNIQUE (organization_id, name),
    UNIQUE (organization_id, id)
) STRICT;

-- Accounts. The column that is the key (`login` or `email`, see meta.key_field) stays empty: it stands in `key`.
CREATE TABLE users (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
    key            TEXT NOT NULL CHECK (key <> ''),    -- as spelled
    identity       TEXT UNIQUE,                        -- as compared; leave it out: it is filled in
    status         TEXT NOT NULL DEFAULT 'active'
                   CHECK (status IN ('preloaded', 'invited', 'active', 'inactive', 'closed')),
    version        INTEGER NOT NULL DEFAULT 1,         -- one more with every change of the account or its access
    role_id        INTEGER REFERENCES roles (id),      -- on the whole platform
    login          TEXT,
    email          TEXT,
    name           TEXT,
    given_name     TEXT,
    family_name    TEXT,
    phone          TEXT,
    mobile         TEXT,
    language       TEXT,
    timezone       TEXT,
    job_title      TEXT,
    department     TEXT,
    user_type      TEXT,
    kind           TEXT CHECK (kind IN ('human', 'service')),
    mfa            INTEGER CHECK (mfa IN (0, 1)),
    created_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    activated_at   TEXT,                               -- when it was active for the first time; NULL: never
    deactivated_at TEXT                                -- since when it is inactive or closed
) STRICT;
-- Accounts whose compared key SQL can't work out (keys beyond ASCII, typed by hand): rollcall compares them itself.
CREATE INDEX users_without_identity ON users (id) WHERE identity IS NULL;
CREATE INDEX users_by_role ON users (role_id) WHERE role_id IS NOT NULL;

-- What opens an account, or the API in its name: how to recognise it, never the secret itself. An account without a row
-- was given none here.
CREATE TABLE credentials (
    user_id     INTEGER NOT NULL REFERENCES users (id),
    kind        TEXT NOT NULL CHECK (kind IN ('password', 'api')),
    verifier    TEXT CHECK (verifier <> ''),           -- sha256:SALT:DIGEST, in hexadecimal, of the salt's digits and the
                                                       -- secret behind them; NULL: the old one opens nothing any more,
                                                       -- and the person has to choose another one
    must_change INTEGER NOT NULL DEFAULT 0 CHECK (must_change IN (0, 1)),  -- at the next log-in
    set_at      TEXT NOT NULL,
    PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;

-- Whom an operator locked out (`rollcall deactivate`), by every key that the account had since: rollcall gives them
-- nothing back unless a manifest says `status: active` after it. No row ever goes.
CREATE TABLE lock_outs (
    identity TEXT PRIMARY KEY CHECK (identity <> ''),  -- as compared
    at       TEXT NOT NULL,
    user_id  INTEGER,                                  -- the account, where there was one
    number   INTEGER NOT NULL DEFAULT 0,               -- one more with each lock-out
    waits    INTEGER NOT NULL DEFAULT 1                -- whether a `status: active` that stands may be older than it
             CHECK (waits IN (0, 1)),
    ended    TEXT                                      -- since when it does not hold any more; NULL: it holds
) STRICT;
CREATE INDEX lock_outs_by_user ON lock_outs (user_id);

-- Further fields of accounts: `attributes.NAME`, `home.UNIT`, `api.enabled`, `api.routes`. Values are JSON.
CREATE TABLE user_attributes (
    user_id INTEGER NOT NULL REFERENCES users (id),
    field   TEXT NOT NULL CHECK (field LIKE 'attributes._%' OR field LIKE 'home._%'
            OR field IN ('api.enabled', 'api.routes')),
    value   TEXT NOT NULL CHECK (json_valid(value) AND
            json_type(value) IN ('text', 'true', 'false', 'integer', 'array')),
    PRIMARY KEY (user_id, field)
) STRICT, WITHOUT ROWID;

-- Memberships: who belongs to which organization, as what.
CREATE TABLE memberships (
    user_id         INTEGER NOT NULL REFERENCES users (id),
    organization_id INTEGER NOT NULL REFERENCES organizations (id),
    role_id         INTEGER REFERENCES roles (id),
    default_site_id INTEGER,                           -- a site of this organization
    PRIMARY KEY (user_id, organization_id),
    FOREIGN KEY (organization_id, default_site_id) REFERENCES sites (organization_id, id)
) STRICT, WITHOUT ROWID;

-- Roles beside the main one, of a membership; without an organization: on the whole platform.
CREATE TABLE extra_roles (
    user_id         INTEGER NOT NULL REFERENCES users (id),
    organization_id INTEGER REFERENCES organizations (id),
    role_id         INTEGER NOT NULL REFERENCES roles (id)
) STRICT;
CREATE UNIQUE INDEX extra_roles_by_user ON extra_roles (user_id, organization_id, role_id);
CREATE UNIQUE INDEX extra_roles_on_platform ON extra_roles (user_id, role_id) WHERE organization_id IS NULL;

-- Site grants. The organization is the one of the site, in which the user has to be a member.
CREATE TABLE site_grants (
    user_id         INTEGER NOT NULL REFERENCES users (id),
    organization_id INTEGER NOT NULL,
    site_id         INTEGER NOT NULL,
    role_id         INTEGER REFERENCES roles (id),     -- where the rules have roles on sites
    PRIMARY KEY (user_id, organization_id, site_id),
    FOREIGN KEY (user_id, organization_id) REFERENCES memberships (user_id, organization_id),
    FOREIGN KEY (organization_id, site_id) REFERENCES sites (organization_id, id)
) STRICT, WITHOUT ROWID;

-- Invitations, also those of accounts that are gone: a history.
CREATE TABLE invitations (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id  INTEGER NOT NULL,                         -- the account then; it may be gone
    user_key TEXT NOT NULL,                            -- its key then
    state    TEXT NOT NULL CHECK (state IN ('suppressed', 'pending', 'accepted', 'declined', 'expired', 'cancelled')),
    sent     TEXT CHECK (sent IS NULL OR (strftime('%Y-%m-%dT%H:%M:%S', sent) IS replace(substr(sent, 1, 19), ' ', 'T')
             AND trim(substr(sent, 20), '.0123456789') IN ('', 'Z') AND length(sent) <= 30)),
    ends     TEXT CHECK (ends IS NULL OR (strftime('%Y-%m-%dT%H:%M:%S', ends) IS replace(substr(ends, 1, 19), ' ', 'T')
             AND trim(substr(ends, 20), '.0123456789') IN ('', 'Z') AND length(ends) <= 30)),
    answered TEXT CHECK (answered IS NULL OR (strftime('%Y-%m-%dT%H:%M:%S', answered) IS replace(substr(answered, 1, 19), ' ', 'T')
             AND trim(substr(answered, 20), '.0123456789') IN ('', 'Z') AND length(answered) <= 30))  -- accepted, declined, or cancelled
) STRICT;
CREATE INDEX invitations_by_user ON invitations (user_id, id);
CREATE UNIQUE INDEX invitations_pending ON invitations (user_id) WHERE state = 'pending';

-- Mails about invitations: one for each time an invitation is sent, made in the same transaction, so that none is lost
-- and none is made twice. A later apply hands over what is `waiting`. Rollcall makes the table where it is missing.
CREATE TABLE invitation_mails (
    invitation_id INTEGER PRIMARY KEY REFERENCES invitations (id),
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'begun', 'sent', 'refused', 'unknown', 'withdrawn')),
    attempts      INTEGER NOT NULL DEFAULT 0,          -- how often it was begun to be handed over
    tried         TEXT,                                -- when that was last
    detail        TEXT                                 -- what the server said last
) STRICT;

-- Mails about resets of passwords: one for each reset that leaves the choice of another password to the person, made in
-- the same transaction. They hold no secret. Rollcall makes the table where it is missing.
CREATE TABLE reset_mails (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id  INTEGER NOT NULL,                         -- the account; it may be gone
    reset_at TEXT NOT NULL,                            -- since when the old password opens nothing
    state    TEXT NOT NULL CHECK (state IN ('waiting', 'begun', 'sent', 'refused', 'unknown', 'withdrawn')),
    attempts INTEGER NOT NULL DEFAULT 0,               -- how often it was begun to be handed over
    tried    TEXT,                                     -- when that was last
    detail   TEXT                                      -- what the server said last
) STRICT;

-- What the links of mails carry so that nobody can guess them: only the SHA-256 of each token, in hexadecimal digits.
-- Each attempt at handing a mail over has a token of its own. Rollcall makes the table where it is missing.
CREATE TABLE invitation_tokens (
    hash          TEXT PRIMARY KEY CHECK (length(hash) = 64),
    invitation_id INTEGER NOT NULL REFERENCES invitations (id)
) STRICT, WITHOUT ROWID;

-- Change marks: one row for each account that ever changed, with the newest mark; user_id 0 is the catalog. Whoever
-- remembers the largest `sequence` seen finds later what changed since. An account that is gone keeps its mark.
CREATE TABLE changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id  INTEGER NOT NULL UNIQUE,
    key      TEXT NOT NULL
) STRICT;

-- The last line of the journal of each store name that rollcall has seen: so that a journal whose end is gone is found,
-- and a store that was taken from an old backup. Nothing here is changed by hand. Rollcall makes it where it is missing.
CREATE TABLE journals (
    name TEXT PRIMARY KEY,                             -- the name of the store in the settings
    line INTEGER NOT NULL,                             -- the number of the line, from 1
    hash TEXT NOT NULL                                 -- its hash, as the line after it says
) STRICT, WITHOUT ROWID;

-- Keys -------------------------------------------------------------------------------------------------------------

CREATE TRIGGER users_identity_given BEFORE INSERT ON users
WHEN NEW.identity IS NOT NULL AND NEW.identity <> CASE
    WHEN (SELECT key_case FROM meta) = 'sensitive' THEN NEW.key
    WHEN NEW.key NOT GLOB '*[^ -~]*' THEN lower(NEW.key) ELSE NEW.identity END
BEGIN SELECT RAISE(ABORT, 'users.identity does not belong to users.key: leave it out'); END;

CREATE TRIGGER users_identity_changed BEFORE UPDATE OF identity ON users
WHEN NEW.identity IS NOT NULL AND NEW.identity <> CASE
    WHEN (SELECT key_case FROM meta) = 'sensitive' THEN NEW.key
    WHEN NEW.key NOT GLOB '*[^ -~]*' THEN lower(NEW.key) ELSE NEW.identity END
BEGIN SELECT RAISE(ABORT, 'users.identity does not belong to users.key: leave it out'); END;

CREATE TRIGGER users_identity_filled AFTER INSERT ON users WHEN NEW.identity IS NULL
BEGIN
    UPDATE users SET identity = CASE
        WHEN (SELECT key_case FROM meta) = 'sensitive' THEN NEW.key
        WHEN NEW.key NOT GLOB '*[^ -~]*' THEN lower(NEW.key) END
    WHERE id = NEW.id;
END;

CREATE TRIGGER users_identity_follows AFTER UPDATE OF key ON users
WHEN NEW.key <> OLD.key AND NEW.identity IS OLD.identity
BEGIN
    UPDATE users SET identity = CASE
        WHEN (SELECT key_case FROM meta) = 'sensitive' THEN NEW.key
        WHEN NEW.key NOT GLOB '*[^ -~]*' THEN lower(NEW.key) END
    WHERE id = NEW.id;
END;

CREATE TRIGGER users_key_field_inserted BEFORE INSERT ON users
WHEN CASE (SELECT key_field FROM meta) WHEN 'email' THEN NEW.email ELSE NEW.login END IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the field that is the key stands in users.key: leave its own column empty'); END;

CREATE TRIGGER users_key_field_updated BEFORE UPDATE OF email, login ON users
WHEN CASE (SELECT key_field FROM meta) WHEN 'email' THEN NEW.email ELSE NEW.login END IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the field that is the key stands in users.key: leave its own column empty'); END;

CREATE TRIGGER users_id_fixed BEFORE UPDATE OF id ON users WHEN NEW.id <> OLD.id
BEGIN SELECT RAISE(ABORT, 'the id of an account never changes'); END;

-- Values: what no field can hold is refused, since a reader could not go on from it -----------------------------------
CREATE TRIGGER roles_lists_inserted BEFORE INSERT ON roles
WHEN CASE WHEN json_valid(NEW.includes) THEN EXISTS (SELECT 1 FROM json_each(NEW.includes) WHERE type <> 'text') END
    OR CASE WHEN json_valid(NEW.permissions) THEN EXISTS (SELECT 1 FROM json_each(NEW.permissions) WHERE type <> 'text') END
    OR CASE WHEN json_valid(NEW.applies_to) THEN EXISTS (SELECT 1 FROM json_each(NEW.applies_to) WHERE type <> 'text') END
BEGIN SELECT RAISE(ABORT, 'a list of names has texts only'); END;
CREATE TRIGGER roles_lists_updated BEFORE UPDATE OF includes, permissions, applies_to ON roles
WHEN CASE WHEN json_valid(NEW.includes) THEN EXISTS (SELECT 1 FROM json_each(NEW.includes) WHERE type <> 'text') END
    OR CASE WHEN json_valid(NEW.permissions) THEN EXISTS (SELECT 1 FROM json_each(NEW.permissions) WHERE type <> 'text') END
    OR CASE WHEN json_valid(NEW.applies_to) THEN EXISTS (SELECT 1 FROM json_each(NEW.applies_to) WHERE type <> 'text') END
BEGIN SELECT RAISE(ABORT, 'a list of names has texts only'); END;
CREATE TRIGGER organizations_lists_inserted BEFORE INSERT ON organizations
WHEN CASE WHEN json_valid(NEW.includes) THEN EXISTS (SELECT 1 FROM json_each(NEW.includes) WHERE type <> 'text') END
BEGIN SELECT RAISE(ABORT, 'a list of names has texts only'); END;
CREATE TRIGGER organizations_lists_updated BEFORE UPDATE OF includes ON organizations
WHEN CASE WHEN json_valid(NEW.includes) THEN EXISTS (SELECT 1 FROM json_each(NEW.includes) WHERE type <> 'text') END
BEGIN SELECT RAISE(ABORT, 'a list of names has texts only'); END;
CREATE TRIGGER sites_lists_inserted BEFORE INSERT ON sites
WHEN CASE WHEN json_valid(NEW.includes) THEN EXISTS (SELECT 1 FROM json_each(NEW.includes) WHERE type <> 'text') END
BEGIN SELECT RAISE(ABORT, 'a list of names has texts only'); END;
CREATE TRIGGER sites_lists_updated BEFORE UPDATE OF includes ON sites
WHEN CASE WHEN json_valid(NEW.includes) THEN EXISTS (SELECT 1 FROM json_each(NEW.includes) WHERE type <> 'text') END
BEGIN SELECT RAISE(ABORT, 'a list of names has texts only'); END;
CREATE TRIGGER organizations_attributes_inserted BEFORE INSERT ON organizations
WHEN CASE WHEN json_valid(NEW.attributes) THEN EXISTS (
    SELECT 1 FROM json_each(NEW.attributes) a WHERE a.type NOT IN ('text', 'true', 'false', 'integer', 'array', 'null')
    OR a.type = 'integer' AND a.value NOT BETWEEN -2147483648 AND 2147483647
    OR a.type = 'array' AND EXISTS (SELECT 1 FROM json_each(a.value) WHERE type <> 'text')) END
BEGIN SELECT RAISE(ABORT, 'an attribute is a text, true, false, a number of 32 bits or a list of texts'); END;
CREATE TRIGGER organizations_attributes_updated BEFORE UPDATE OF attributes ON organizations
WHEN CASE WHEN json_valid(NEW.attributes) THEN EXISTS (
    SELECT 1 FROM json_each(NEW.attributes) a WHERE a.type NOT IN ('text', 'true', 'false', 'integer', 'array', 'null')
    OR a.type = 'integer' AND a.value NOT BETWEEN -2147483648 AND 2147483647
    OR a.type = 'array' AND EXISTS (SELECT 1 FROM json_each(a.value) WHERE type <> 'text')) END
BEGIN SELECT RAISE(ABORT, 'an attribute is a text, true, false, a number of 32 bits or a list of texts'); END;
CREATE TRIGGER sites_attributes_inserted BEFORE INSERT ON sites
WHEN CASE WHEN json_valid(NEW.attributes) THEN EXISTS (
    SELECT 1 FROM json_each(NEW.attributes) a WHERE a.type NOT IN ('text', 'true', 'false', 'integer', 'array', 'null')
    OR a.type = 'integer' AND a.value NOT BETWEEN -2147483648 AND 2147483647
    OR a.type = 'array' AND EXISTS (SELECT 1 FROM json_each(a.value) WHERE type <> 'text')) END
BEGIN SELECT RAISE(ABORT, 'an attribute is a text, true, false, a number of 32 bits or a list of texts'); END;
CREATE TRIGGER sites_attributes_updated BEFORE UPDATE OF attributes ON sites
WHEN CASE WHEN json_valid(NEW.attributes) THEN EXISTS (
    SELECT 1 FROM json_each(NEW.attributes) a WHERE a.type NOT IN ('text', 'true', 'false', 'integer', 'array', 'null')
    OR a.type = 'integer' AND a.value NOT BETWEEN -2147483648 AND 2147483647
    OR a.type = 'array' AND EXISTS (SELECT 1 FROM json_each(a.value) WHERE type <> 'text')) END
BEGIN SELECT RAISE(ABORT, 'an attribute is a text, true, false, a number of 32 bits or a list of texts'); END;
CREATE TRIGGER user_attributes_value_inserted BEFORE INSERT ON user_attributes
WHEN CASE WHEN json_valid(NEW.value) THEN json_type(NEW.value) = 'array' AND EXISTS (SELECT 1 FROM json_each(NEW.value) WHERE type <> 'text')
    OR json_type(NEW.value) = 'integer' AND json_extract(NEW.value, '$') NOT BETWEEN -2147483648 AND 2147483647 END
BEGIN SELECT RAISE(ABORT, 'a value is a text, true, false, a number of 32 bits or a list of texts'); END;
CREATE TRIGGER user_attributes_value_updated BEFORE UPDATE OF value ON user_attributes
WHEN CASE WHEN json_valid(NEW.value) THEN json_type(NEW.value) = 'array' AND EXISTS (SELECT 1 FROM json_each(NEW.value) WHERE type <> 'text')
    OR json_type(NEW.value) = 'integer' AND json_extract(NEW.value, '$') NOT BETWEEN -2147483648 AND 2147483647 END
BEGIN SELECT RAISE(ABORT, 'a value is a text, true, false, a number of 32 bits or a list of texts'); END;

-- Versions and change marks ----------------------------------------------------------------------------------------

CREATE TRIGGER users_added AFTER INSERT ON users
BEGIN
    DELETE FROM changes WHERE user_id = NEW.id;
    INSERT INTO changes (user_id, key) VALUES (NEW.id, NEW.key);
END;

CREATE TRIGGER users_changed AFTER UPDATE OF key, status, role_id, login, email, name, given_name, family_name, phone,
    mobile, language, timezone, job_title, department, user_type, kind, mfa ON users
WHEN NEW.version = OLD.version
BEGIN UPDATE users SET version = version + 1 WHERE id = NEW.id; END;

CREATE TRIGGER users_marked AFTER UPDATE OF version ON users
BEGIN
    SELECT RAISE(ABORT, 'a version only grows') WHERE NEW.version <= OLD.version;
    DELETE FROM changes WHERE user_id = NEW.id;
    INSERT INTO changes (user_id, key) VALUES (NEW.id, NEW.key);
END;

CREATE TRIGGER users_removed AFTER DELETE ON users
BEGIN
    DELETE FROM changes WHERE user_id = OLD.id;
    INSERT INTO changes (user_id, key) VALUES (OLD.id, OLD.key);
END;

CREATE TRIGGER user_attributes_added AFTER INSERT ON user_attributes
BEGIN UPDATE users SET version = version + 1 WHERE id = NEW.user_id; END;
CREATE TRIGGER user_attributes_changed AFTER UPDATE ON user_attributes
BEGIN UPDATE users SET version = version + 1 WHERE id IN (NEW.user_id, OLD.user_id); END;
CREATE TRIGGER user_attributes_removed AFTER DELETE ON user_attributes
BEGIN UPDATE users SET version = version + 1 WHERE id = OLD.user_id; END;

CREATE TRIGGER memberships_added AFTER INSERT ON memberships
BEGIN UPDATE users SET version = version + 1 WHERE id = NEW.user_id; END;
CREATE TRIGGER memberships_changed AFTER UPDATE ON memberships
BEGIN UPDATE users SET version = version + 1 WHERE id = NEW.user_id; END;
CREATE TRIGGER memberships_removed AFTER DELETE ON memberships
BEGIN UPDATE users SET version = version + 1 WHERE id = OLD.user_id; END;

CREATE TRIGGER extra_roles_added AFTER INSERT ON extra_roles
BEGIN UPDATE users SET version = version + 1 WHERE id = NEW.user_id; END;
CREATE TRIGGER extra_roles_removed AFTER DELETE ON extra_roles
BEGIN UPDATE users SET version = version + 1 WHERE id = OLD.user_id; END;

CREATE TRIGGER site_grants_added AFTER INSERT ON site_grants
BEGIN UPDATE users SET version = version + 1 WHERE id = NEW.user_id; END;
CREATE TRIGGER site_grants_changed AFTER UPDATE ON site_grants
BEGIN UPDATE users SET version = version + 1 WHERE id = NEW.user_id; END;
CREATE TRIGGER site_grants_removed AFTER DELETE ON site_grants
BEGIN UPDATE users SET version = version + 1 WHERE id = OLD.user_id; END;

CREATE TRIGGER invitations_added AFTER INSERT ON invitations
BEGIN UPDATE users SET version = version + 1 WHERE id = NEW.user_id; END;
CREATE TRIGGER invitations_changed AFTER UPDATE ON invitations
BEGIN UPDATE users SET version = version + 1 WHERE id IN (NEW.user_id, OLD.user_id); END;
CREATE TRIGGER invitations_removed AFTER DELETE ON invitations
BEGIN UPDATE users SET version = version + 1 WHERE id = OLD.user_id; END;

CREATE TRIGGER organizations_added AFTER INSERT ON organizations
BEGIN DELETE FROM changes WHERE user_id = 0; INSERT INTO changes (user_id, key) VALUES (0, ''); END;
CREATE TRIGGER organizations_changed AFTER UPDATE ON organizations
BEGIN DELETE FROM changes WHERE user_id = 0; INSERT INTO changes (user_id, key) VALUES (0, ''); END;
CREATE TRIGGER organizations_removed AFTER DELETE ON organizations
BEGIN DELETE FROM changes WHERE user_id = 0; INSERT INTO changes (user_id, key) VALUES (0, ''); END;
CREATE TRIGGER sites_added AFTER INSERT ON sites
BEGIN DELETE FROM changes WHERE user_id = 0; INSERT INTO changes (user_id, key) VALUES (0, ''); END;
CREATE TRIGGER sites_changed AFTER UPDATE ON sites
BEGIN DELETE FROM changes WHERE user_id = 0; INSERT INTO changes (user_id, key) VALUES (0, ''); END;
CREATE TRIGGER sites_removed AFTER DELETE ON sites
BEGIN DELETE FROM changes WHERE user_id = 0; INSERT INTO changes (user_id, key) VALUES (0, ''); END;
CREATE TRIGGER roles_added AFTER INSERT ON roles
BEGIN DELETE FROM changes WHERE user_id = 0; INSERT INTO changes (user_id, key) VALUES (0, ''); END;
CREATE TRIGGER roles_changed AFTER UPDATE ON roles
BEGIN DELETE FROM changes WHERE user_id = 0; INSERT INTO changes (user_id, key) VALUES (0, ''); END;
CREATE TRIGGER roles_removed AFTER DELETE ON roles
BEGIN DELETE FROM changes WHERE user_id = 0; INSERT INTO changes (user_id, key) VALUES (0, ''); END;

-- The life of an account -------------------------------------------------------------------------------------------

CREATE TRIGGER users_born_active AFTER INSERT ON users WHEN NEW.status = 'active' AND NEW.activated_at IS NULL
BEGIN UPDATE users SET activated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE id = NEW.id; END;

CREATE TRIGGER users_activated AFTER UPDATE OF status ON users WHEN NEW.status = 'active' AND OLD.status <> 'active'
BEGIN
    UPDATE users SET activated_at = ifnull(activated_at, strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), deactivated_at = NULL
    WHERE id = NEW.id;
    UPDATE invitations SET state = 'accepted', answered = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE user_id = NEW.id AND state = 'pending';
END;

CREATE TRIGGER users_ended AFTER UPDATE OF status ON users
WHEN NEW.status IN ('inactive', 'closed') AND OLD.status <> NEW.status
BEGIN
    UPDATE users SET deactivated_at = ifnull(deactivated_at, strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) WHERE id = NEW.id;
    UPDATE invitations SET state = 'cancelled', answered = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE user_id = NEW.id AND state IN ('pending', 'suppressed');
END;

-- A lock-out goes along with the key, and ends where somebody reactivates the account on purpose.
CREATE TRIGGER users_lock_out_follows AFTER UPDATE OF identity ON users
WHEN NEW.identity IS NOT NULL AND NEW.identity IS NOT OLD.identity
BEGIN
    INSERT OR REPLACE INTO lock_outs (identity, at, user_id, number, waits)
    SELECT NEW.identity, at, user_id, number, waits FROM lock_outs
    WHERE user_id = NEW.id AND ended IS NULL ORDER BY number DESC LIMIT 1;
END;
CREATE TRIGGER users_lock_out_ends AFTER UPDATE OF status ON users WHEN NEW.status = 'active' AND OLD.status = 'inactive'
BEGIN
    UPDATE lock_outs SET ended = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE user_id = NEW.id AND ended IS NULL;
END;

CREATE TRIGGER users_closed AFTER UPDATE OF status ON users WHEN NEW.status = 'closed' AND OLD.status <> 'closed'
BEGIN
    DELETE FROM extra_roles WHERE user_id = NEW.id;
    DELETE FROM memberships WHERE user_id = NEW.id;
    UPDATE users SET role_id = NULL WHERE id = NEW.id AND role_id IS NOT NULL;
END;

CREATE TRIGGER users_deleted BEFORE DELETE ON users
BEGIN
    UPDATE invitations SET state = 'cancelled', answered = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE user_id = OLD.id AND state IN ('pending', 'suppressed');
    DELETE FROM extra_roles WHERE user_id = OLD.id;
    DELETE FROM memberships WHERE user_id = OLD.id;
    DELETE FROM user_attributes WHERE user_id = OLD.id;
END;

-- References: the same as the foreign keys, for programs that have these switched off, as the `sqlite3` shell has ----

CREATE TRIGGER users_role_inserted BEFORE INSERT ON users WHEN NEW.role_id IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'there is no such role') WHERE NOT EXISTS (SELECT 1 FROM roles WHERE id = NEW.role_id);
    SELECT RAISE(ABORT, 'a closed account takes no access') WHERE NEW.status = 'closed';
END;
CREATE TRIGGER users_role_updated BEFORE UPDATE OF role_id ON users WHEN NEW.role_id IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'there is no such role') WHERE NOT EXISTS (SELECT 1 FROM roles WHERE id = NEW.role_id);
    SELECT RAISE(ABORT, 'a closed account takes no access') WHERE NEW.status = 'closed';
END;

CREATE TRIGGER users_credentials_go BEFORE DELETE ON users
BEGIN DELETE FROM credentials WHERE user_id = OLD.id; END;
CREATE TRIGGER credentials_inserted BEFORE INSERT ON credentials
BEGIN SELECT RAISE(ABORT, 'there is no such user') WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = NEW.user_id); END;

CREATE TRIGGER user_attributes_inserted BEFORE INSERT ON user_attributes
BEGIN SELECT RAISE(ABORT, 'there is no such user') WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = NEW.user_id); END;
CREATE TRIGGER user_attributes_moved BEFORE UPDATE OF user_id ON user_attributes WHEN NEW.user_id <> OLD.user_id
BEGIN SELECT RAISE(ABORT, 'an attribute stays with its user: delete it and insert another'); END;

CREATE TRIGGER memberships_inserted BEFORE INSERT ON memberships
BEGIN
    SELECT RAISE(ABORT, 'there is no such user') WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = NEW.user_id);
    SELECT RAISE(ABORT, 'there is no such organization')
    WHERE NOT EXISTS (SELECT 1 FROM organizations WHERE id = NEW.organization_id);
    SELECT RAISE(ABORT, 'there is no such role')
    WHERE NEW.role_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM roles WHERE id = NEW.role_id);
    SELECT RAISE(ABORT, 'the default site is no site of the organization') WHERE NEW.default_site_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM sites WHERE id = NEW.default_site_id AND organization_id = NEW.organization_id);
    SELECT RAISE(ABORT, 'a closed account takes no access')
    WHERE EXISTS (SELECT 1 FROM users WHERE id = NEW.user_id AND status = 'closed');
END;
CREATE TRIGGER memberships_updated BEFORE UPDATE ON memberships
BEGIN
    SELECT RAISE(ABORT, 'a membership stays with its user and organization: delete it and insert another')
    WHERE NEW.user_id <> OLD.user_id OR NEW.organization_id <> OLD.organization_id;
    SELECT RAISE(ABORT, 'there is no such role')
    WHERE NEW.role_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM roles WHERE id = NEW.role_id);
    SELECT RAISE(ABORT, 'the default site is no site of the organization') WHERE NEW.default_site_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM sites WHERE id = NEW.default_site_id AND organization_id = NEW.organization_id);
END;
CREATE TRIGGER memberships_deleted BEFORE DELETE ON memberships
BEGIN
    DELETE FROM site_grants WHERE user_id = OLD.user_id AND organization_id = OLD.organization_id;
    DELETE FROM extra_roles WHERE user_id = OLD.user_id AND organization_id = OLD.organization_id;
END;

CREATE TRIGGER extra_roles_inserted BEFORE INSERT ON extra_roles
BEGIN
    SELECT RAISE(ABORT, 'there is no such user') WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = NEW.user_id);
    SELECT RAISE(ABORT, 'there is no such role') WHERE NOT EXISTS (SELECT 1 FROM roles WHERE id = NEW.role_id);
    SELECT RAISE(ABORT, 'a closed account takes no access')
    WHERE EXISTS (SELECT 1 FROM users WHERE id = NEW.user_id AND status = 'closed');
    SELECT RAISE(ABORT, 'an extra role needs a membership in its organization')
    WHERE NEW.organization_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM memberships WHERE user_id = NEW.user_id AND organization_id = NEW.organization_id);
END;
CREATE TRIGGER extra_roles_updated BEFORE UPDATE ON extra_roles
BEGIN SELECT RAISE(ABORT, 'an extra role is not changed: delete it and insert another'); END;

CREATE TRIGGER site_grants_inserted BEFORE INSERT ON site_grants
BEGIN
    SELECT RAISE(ABORT, 'the site is no site of the organization')
    WHERE NOT EXISTS (SELECT 1 FROM sites WHERE id = NEW.site_id AND organization_id = NEW.organization_id);
    SELECT RAISE(ABORT, 'a site grant needs a membership in the organization of the site') WHERE NOT EXISTS (
        SELECT 1 FROM memberships WHERE user_id = NEW.user_id AND organization_id = NEW.organization_id);
    SELECT RAISE(ABORT, 'there is no such role')
    WHERE NEW.role_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM roles WHERE id = NEW.role_id);
END;
CREATE TRIGGER site_grants_updated BEFORE UPDATE ON site_grants
BEGIN
    SELECT RAISE(ABORT, 'a site grant stays with its user and site: delete it and insert another')
    WHERE NEW.user_id <> OLD.user_id OR NEW.organization_id <> OLD.organization_id OR NEW.site_id <> OLD.site_id;
    SELECT RAISE(ABORT, 'there is no such role')
    WHERE NEW.role_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM roles WHERE id = NEW.role_id);
END;

CREATE TRIGGER sites_inserted BEFORE INSERT ON sites
BEGIN
    SELECT RAISE(ABORT, 'there is no such organization')
    WHERE NOT EXISTS (SELECT 1 FROM organizations WHERE id = NEW.organization_id);
END;
CREATE TRIGGER sites_moved BEFORE UPDATE OF id, organization_id ON sites
WHEN NEW.organization_id <> OLD.organization_id OR NEW.id <> OLD.id
BEGIN SELECT RAISE(ABORT, 'a site stays in its organization'); END;

-- What somebody depends on is not deleted --------------------------------------------------------------------------

CREATE TRIGGER organizations_deleted BEFORE DELETE ON organizations
BEGIN
    SELECT RAISE(ABORT, 'the organization has sites') WHERE EXISTS (SELECT 1 FROM sites WHERE organization_id = OLD.id);
    SELECT RAISE(ABORT, 'the organization has members')
    WHERE EXISTS (SELECT 1 FROM memberships WHERE organization_id = OLD.id);
END;
CREATE TRIGGER sites_deleted BEFORE DELETE ON sites
BEGIN
    SELECT RAISE(ABORT, 'the site is granted to somebody')
    WHERE EXISTS (SELECT 1 FROM site_grants WHERE site_id = OLD.id);
    SELECT RAISE(ABORT, 'the site is the default site of somebody')
    WHERE EXISTS (SELECT 1 FROM memberships WHERE default_site_id = OLD.id);
END;
CREATE TRIGGER roles_deleted BEFORE DELETE ON roles
BEGIN
    SELECT RAISE(ABORT, 'somebody has the role') WHERE EXISTS (SELECT 1 FROM memberships WHERE role_id = OLD.id)
    OR EXISTS (SELECT 1 FROM site_grants WHERE role_id = OLD.id) OR EXISTS (SELECT 1 FROM users WHERE role_id = OLD.id)
    OR EXISTS (SELECT 1 FROM extra_roles WHERE role_id = OLD.id);
    SELECT RAISE(ABORT, 'another role includes the role')
    WHERE EXISTS (SELECT 1 FROM roles r, json_each(r.includes) i WHERE r.id <> OLD.id AND i.value = OLD.name);
END;
