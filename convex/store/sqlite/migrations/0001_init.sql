-- The runtime's own tables. Documents have one table each, made from the
-- schema when the store is opened.

-- The number that a table's ids carry. Numbers are never used again.
CREATE TABLE _tables (
  name   TEXT PRIMARY KEY,
  number INTEGER NOT NULL UNIQUE
) STRICT;

-- The indexes that exist, with their fields as a JSON array.
CREATE TABLE _indexes (
  table_name TEXT NOT NULL,
  name       TEXT NOT NULL,
  fields     TEXT NOT NULL,
  PRIMARY KEY (table_name, name)
) STRICT;

-- The change log: one row per commit with the keys that it may have changed.
CREATE TABLE _commits (
  ts   INTEGER PRIMARY KEY,
  keys BLOB NOT NULL
) STRICT;

-- Results of clients' mutations, so that a repeat runs nothing.
CREATE TABLE _requests (
  session TEXT NOT NULL,
  id      INTEGER NOT NULL,
  ts      INTEGER NOT NULL,
  result  BLOB NOT NULL,
  PRIMARY KEY (session, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX _requests_ts ON _requests (ts);

-- The log reaches back to the beginning until it is pruned.
INSERT INTO _commits (ts, keys) VALUES (0, x'');
