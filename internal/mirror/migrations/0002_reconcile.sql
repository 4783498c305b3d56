-- What reconciliations found, the items that live from night to night, and the starts of scheduled jobs.

-- Counts and sums of the payouts as they stood at version meta 'summed_through': what control totals and the status
-- breakdown are read from, with what has changed since added or taken off (sums.go). Kept by SumDays.
CREATE TABLE payout_days (
  day           INTEGER NOT NULL, -- of creation, days since 1970-01-01
  on_behalf_of  INTEGER NOT NULL, -- words.n
  currency      INTEGER NOT NULL, -- words.n
  status        INTEGER NOT NULL, -- words.n
  count         INTEGER NOT NULL,
  units         INTEGER NOT NULL,
  PRIMARY KEY (day, on_behalf_of, currency, status)
) STRICT, WITHOUT ROWID;

-- One row per recorded reconciliation. summary holds what is only ever read whole (conclusion, statements, intake,
-- roll-forward ...); the columns beside it are those that lists show and queries choose by.
CREATE TABLE reconciliations (
  run           INTEGER PRIMARY KEY REFERENCES runs (id),
  period_from   INTEGER NOT NULL, -- days since 1970-01-01
  period_to     INTEGER NOT NULL,
  as_of         INTEGER NOT NULL, -- milliseconds
  sequence      INTEGER NOT NULL, -- highest payout version read
  conclusion    TEXT    NOT NULL,
  outcome_hash  TEXT    NOT NULL,
  items_open    INTEGER NOT NULL,
  summary       TEXT    NOT NULL, -- JSON
  items_before  BLOB    NOT NULL, -- where the items it was given were found then (itemPlace in items.go)
  replay        BLOB    NOT NULL  -- what the program needs to perform the run again; opaque here
) STRICT;

-- The totals everything else is summed from, in the order they were given. Amounts are ten-thousandths.
CREATE TABLE totals (
  run           INTEGER NOT NULL REFERENCES reconciliations (run),
  position      INTEGER NOT NULL,
  currency      TEXT    NOT NULL,
  day           INTEGER NOT NULL, -- days since 1970-01-01; -2147483648 = undated
  outcome       TEXT    NOT NULL,
  cut_off       INTEGER NOT NULL,
  payouts       INTEGER NOT NULL,
  payout_amount INTEGER NOT NULL,
  entries       INTEGER NOT NULL,
  entry_amount  INTEGER NOT NULL,
  payout_cash   INTEGER NOT NULL,
  entry_cash    INTEGER NOT NULL,
  PRIMARY KEY (run, position)
) STRICT, WITHOUT ROWID;

-- Findings and items of a run, a few hundred to a row (archive.go), compressed with zstd. A part is never changed.
CREATE TABLE reconciliation_parts (
  run           INTEGER NOT NULL REFERENCES reconciliations (run),
  part          TEXT    NOT NULL CHECK (part IN ('explained', 'items')),
  position      INTEGER NOT NULL,
  body          BLOB    NOT NULL,
  PRIMARY KEY (run, part, position)
) STRICT;

-- The items there ever were, and where each is found as the last run left it: record place of that run's part of items at
-- position. decided is what a person decided about it since, NULL for nothing.
CREATE TABLE items (
  id            INTEGER PRIMARY KEY,
  state         TEXT    NOT NULL,
  cleared_at    INTEGER NOT NULL, -- milliseconds, 0 = not cleared
  run           INTEGER NOT NULL REFERENCES reconciliations (run),
  position      INTEGER NOT NULL,
  place         INTEGER NOT NULL,
  decided       BLOB
) STRICT;

CREATE INDEX items_by_state ON items (state, cleared_at);

-- The life of items, append-only.
CREATE TABLE item_events (
  sequence      INTEGER PRIMARY KEY,
  item          INTEGER NOT NULL REFERENCES items (id),
  run           INTEGER NOT NULL, -- 0 = a person, between runs
  at            INTEGER NOT NULL, -- milliseconds
  kind          TEXT    NOT NULL,
  was           TEXT    NOT NULL,
  became        TEXT    NOT NULL,
  by            TEXT    NOT NULL,
  text          TEXT    NOT NULL
) STRICT;

CREATE INDEX item_events_by_item ON item_events (item, sequence);
CREATE INDEX item_events_by_run ON item_events (run, sequence);

CREATE TRIGGER item_events_are_not_changed BEFORE UPDATE ON item_events
BEGIN
  SELECT RAISE(ABORT, 'item events are append-only');
END;

CREATE TRIGGER item_events_are_not_deleted BEFORE DELETE ON item_events
BEGIN
  SELECT RAISE(ABORT, 'item events are append-only');
END;

-- Starts of scheduled jobs, by the local date they were due.
CREATE TABLE job_runs (
  job           TEXT    NOT NULL,
  due_day       INTEGER NOT NULL, -- days since 1970-01-01, in the job's zone
  started       INTEGER NOT NULL, -- milliseconds
  due           INTEGER NOT NULL, -- milliseconds
  ended         INTEGER NOT NULL, -- milliseconds, 0 = running, or killed
  outcome       TEXT    NOT NULL,
  words         TEXT    NOT NULL,
  PRIMARY KEY (job, due_day, started)
) STRICT, WITHOUT ROWID;
