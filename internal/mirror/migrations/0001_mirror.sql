-- What the payouts API said: payouts, their versions, and the evidence that nothing is missing.
-- Instants are integer milliseconds since 1970 (UTC), days are integer days since 1970-01-01, money is ten-thousandths.

-- Facts about this file: the API it is bound to, the first day of nightly runs, how far the id index reaches.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Texts that repeat in a million rows (statuses, currencies, onBehalfOfIds, memberIds), told once.
CREATE TABLE words (
    n    INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
) STRICT;

-- One row for every command that writes.
CREATE TABLE runs (
    id       INTEGER PRIMARY KEY,
    command  TEXT    NOT NULL,
    version  TEXT    NOT NULL,
    config   TEXT    NOT NULL,
    started  INTEGER NOT NULL,
    ended    INTEGER NOT NULL DEFAULT 0,  -- 0 while it runs, and for ever when it was killed
    exit     INTEGER NOT NULL DEFAULT -1, -- -1 until it ended
    words    TEXT    NOT NULL DEFAULT '',
    sequence INTEGER NOT NULL DEFAULT 0,  -- highest payout version when it ended
    sync     TEXT    NOT NULL DEFAULT ''  -- JSON summary of its sync; '' when it did not sync
) STRICT;

-- The memberIds that a pass showed in the first run in which it showed any payout: a mirror is bound to them.
CREATE TABLE members (
    on_behalf_of TEXT    NOT NULL,
    member       TEXT    NOT NULL,
    run          INTEGER NOT NULL,
    PRIMARY KEY (on_behalf_of, member)
) STRICT, WITHOUT ROWID;

-- The current view: what matching reads, a million rows at a time, and therefore nothing else. The rest of a payout
-- stands in its version. There are no foreign keys here: the writer keeps them, and they would cost a look-up a row.
CREATE TABLE payouts (
    n            INTEGER PRIMARY KEY, -- our short number, in the order of arrival
    id           TEXT    NOT NULL,
    ref_id       TEXT    NOT NULL,
    account      TEXT    NOT NULL,    -- the payee's, in comparable form
    units        INTEGER NOT NULL,
    currency     INTEGER NOT NULL,    -- words.n
    status       INTEGER NOT NULL,    -- words.n
    created      INTEGER NOT NULL,
    changed      INTEGER NOT NULL,    -- when the version that brought the present status says it was updated
    on_behalf_of INTEGER NOT NULL,    -- words.n; the asked-for one wins over the plain pass
    final        INTEGER NOT NULL,    -- 1 when the provider documents the status as the last one
    seq          INTEGER NOT NULL,    -- payout_versions.seq: the version that stands
    last         INTEGER NOT NULL     -- the newest version kept: above seq when an older fact came later
) STRICT;

CREATE INDEX payouts_created ON payouts (created);
CREATE INDEX payouts_open ON payouts (created) WHERE final = 0;
-- Payouts that took more than a day to reach their status: those that a night must ask for again outside its windows.
CREATE INDEX payouts_slow ON payouts (changed) WHERE changed > created + 86400000;

-- From payout id to n, by the first eight bytes of SHA-256 of the id. A random key written row by row would cost more
-- than all else, so rows join in sorted batches: payouts above meta 'ids_through' are not in here yet.
CREATE TABLE payout_ids (
    hash INTEGER NOT NULL,
    n    INTEGER NOT NULL,
    PRIMARY KEY (hash, n)
) STRICT, WITHOUT ROWID;

-- The passes that showed a payout, besides the one in payouts.on_behalf_of.
CREATE TABLE payout_also (
    n            INTEGER NOT NULL,
    on_behalf_of INTEGER NOT NULL, -- words.n
    PRIMARY KEY (n, on_behalf_of)
) STRICT, WITHOUT ROWID;

-- Everything the API ever said of a payout, in the order we heard it. Append-only.
CREATE TABLE payout_versions (
    seq                 INTEGER PRIMARY KEY,
    payout              INTEGER NOT NULL, -- payouts.n
    previous            INTEGER,          -- seq of the version of this payout heard before; NULL for the first
    applied             INTEGER NOT NULL, -- 1 when it became the current view, 0 when a newer fact was known already
    hash                BLOB    NOT NULL, -- of the canonical content
    updated             INTEGER NOT NULL,
    asked               INTEGER NOT NULL, -- our clock before the request
    run                 INTEGER NOT NULL,
    status              INTEGER NOT NULL, -- words.n
    on_behalf_of        INTEGER NOT NULL, -- words.n
    member              INTEGER NOT NULL, -- words.n
    debtor_account      TEXT    NOT NULL,
    payee               TEXT    NOT NULL,
    description         TEXT    NOT NULL,
    reason              TEXT    NOT NULL,
    bank_status         TEXT    NOT NULL,
    bank_transaction_id TEXT    NOT NULL,
    raw                 TEXT    NOT NULL
) STRICT;

CREATE TRIGGER payout_versions_no_update BEFORE UPDATE ON payout_versions BEGIN
    SELECT RAISE(ABORT, 'payout_versions is append-only');
END;
CREATE TRIGGER payout_versions_no_delete BEFORE DELETE ON payout_versions BEGIN
    SELECT RAISE(ABORT, 'payout_versions is append-only');
END;

-- A row of payouts as it stood until version `until` replaced it. The view as of sequence N is, exactly:
-- payouts with seq <= N, and payout_past with until > N and seq <= N. At the newest sequence it is payouts alone.
CREATE TABLE payout_past (
    until        INTEGER PRIMARY KEY, -- payout_versions.seq of the version that replaced it
    n            INTEGER NOT NULL,    -- payouts.n
    id           TEXT    NOT NULL,
    ref_id       TEXT    NOT NULL,
    account      TEXT    NOT NULL,
    units        INTEGER NOT NULL,
    currency     INTEGER NOT NULL,
    status       INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    changed      INTEGER NOT NULL,
    on_behalf_of INTEGER NOT NULL,
    final        INTEGER NOT NULL,
    seq          INTEGER NOT NULL
) STRICT;

CREATE INDEX payout_past_n ON payout_past (n);

-- Payouts that the API does not show any more: asked for by id and twice not returned, or not shown by the walks that proved
-- their day. Gone from here when they show again.
CREATE TABLE vanished (
    payout INTEGER PRIMARY KEY, -- payouts.n
    run    INTEGER NOT NULL,
    at     INTEGER NOT NULL
) STRICT;

-- One way through the pages of one window of days, under one onBehalfOfId.
CREATE TABLE walks (
    id           INTEGER PRIMARY KEY,
    run          INTEGER NOT NULL,
    task         TEXT    NOT NULL,           -- nightly, range, backfill, verify: each resumes its own only
    on_behalf_of TEXT    NOT NULL,
    from_day     INTEGER NOT NULL,           -- the days it is to prove, both inclusive
    to_day       INTEGER NOT NULL,
    query        TEXT    NOT NULL,           -- JSON, exactly as asked: a cursor is good for its own query only
    began        INTEGER NOT NULL DEFAULT 0, -- the earlier of our clock and the server's Date at its first page
    cursor       TEXT    NOT NULL DEFAULT '', -- of the next page
    cursor_at    INTEGER NOT NULL DEFAULT 0,
    pages        INTEGER NOT NULL DEFAULT 0,
    rows         INTEGER NOT NULL DEFAULT 0,
    state        TEXT    NOT NULL DEFAULT 'open', -- open, regular, unsure, dropped
    ended        INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX walks_open ON walks (task) WHERE state = 'open';

-- The ids an open walk has seen, page by page, so that it can be taken up again; deleted when the walk ends.
-- seen = for each row sixteen bytes of id hash and four of day, little endian.
CREATE TABLE walk_pages (
    walk INTEGER NOT NULL,
    page INTEGER NOT NULL,
    seen BLOB    NOT NULL,
    PRIMARY KEY (walk, page)
) STRICT;

-- What is known of one day under one onBehalfOfId.
CREATE TABLE coverage (
    on_behalf_of TEXT    NOT NULL,
    day          INTEGER NOT NULL,
    known        INTEGER NOT NULL DEFAULT 0,        -- ids of the day that this pass ever showed
    known_print  BLOB    NOT NULL DEFAULT (zeroblob(16)),
    state        INTEGER NOT NULL DEFAULT 1,        -- payout.DayState
    walk         INTEGER NOT NULL DEFAULT 0,        -- the last walk that could prove the day
    began        INTEGER NOT NULL DEFAULT 0,
    count        INTEGER NOT NULL DEFAULT 0,        -- what that walk saw
    fingerprint  BLOB    NOT NULL DEFAULT (zeroblob(16)),
    contest      INTEGER NOT NULL DEFAULT 0,        -- payout.Contest: what speaks against the day
    contested_by INTEGER NOT NULL DEFAULT 0,        -- the walk that found it; 0 = no walk
    why          TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (on_behalf_of, day)
) STRICT, WITHOUT ROWID;

-- What a person should know, in the order it happened.
CREATE TABLE alerts (
    id   INTEGER PRIMARY KEY,
    run  INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    text TEXT    NOT NULL
) STRICT;

CREATE INDEX alerts_run ON alerts (run);
