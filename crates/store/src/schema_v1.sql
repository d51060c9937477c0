-- Hashes and addresses are blobs, block numbers and Unix milliseconds are integers, states are words.

CREATE TABLE intents (
  hash        BLOB PRIMARY KEY CHECK (length(hash) = 32),
  json        TEXT NOT NULL,
  signature   BLOB NOT NULL,
  status      TEXT NOT NULL,
  reason      TEXT,
  received_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX intents_by_status ON intents (status, received_ms);

-- What a gateway is about to open, under the hash of its 32 slots: the round's id is known only once it is mined.
CREATE TABLE drafts (
  slots_hash BLOB PRIMARY KEY CHECK (length(slots_hash) = 32),
  market     BLOB NOT NULL CHECK (length(market) = 32),
  slots      BLOB NOT NULL CHECK (length(slots) = 1536),
  status     TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The openings of a draft's slots. `blinding` is secret until the fill.
CREATE TABLE slots (
  slots_hash  BLOB NOT NULL REFERENCES drafts (slots_hash),
  slot        INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 31),
  intent_hash BLOB NOT NULL REFERENCES intents (hash),
  blinding    BLOB NOT NULL CHECK (length(blinding) = 32),
  PRIMARY KEY (slots_hash, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX slots_by_intent ON slots (intent_hash);

CREATE TABLE rounds (
  id           BLOB PRIMARY KEY CHECK (length(id) = 32),
  role         TEXT NOT NULL,
  market       BLOB NOT NULL CHECK (length(market) = 32),
  opener       BLOB NOT NULL CHECK (length(opener) = 20),
  opened_block INTEGER NOT NULL,
  opened_hash  BLOB NOT NULL CHECK (length(opened_hash) = 32),
  commit_end   INTEGER NOT NULL,
  settle_end   INTEGER NOT NULL,
  fill_end     INTEGER NOT NULL,
  key_set_root BLOB NOT NULL CHECK (length(key_set_root) = 32),
  snapshot     BLOB NOT NULL CHECK (length(snapshot) = 160),
  slots        BLOB NOT NULL CHECK (length(slots) = 1536),
  slots_hash   BLOB NOT NULL CHECK (length(slots_hash) = 32),
  status       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rounds_by_status ON rounds (status, opened_block);

-- The bid protection: one sheet for a round and strategy, for ever. `salt` is secret until the sheet goes out.
CREATE TABLE sheets (
  round        BLOB NOT NULL CHECK (length(round) = 32),
  strategy     BLOB NOT NULL CHECK (length(strategy) = 32),
  quotes       BLOB NOT NULL CHECK (length(quotes) = 128),
  salt         BLOB NOT NULL CHECK (length(salt) = 16),
  commitment   BLOB NOT NULL CHECK (length(commitment) = 32),
  checksum     BLOB NOT NULL CHECK (length(checksum) = 32),
  commit_index INTEGER,
  status       TEXT NOT NULL,
  proof        BLOB,
  PRIMARY KEY (round, strategy)
) STRICT, WITHOUT ROWID;

-- Sheets that a gateway took from solvers.
CREATE TABLE received_sheets (
  round        BLOB NOT NULL CHECK (length(round) = 32),
  strategy     BLOB NOT NULL CHECK (length(strategy) = 32),
  commitment   BLOB NOT NULL CHECK (length(commitment) = 32),
  commit_index INTEGER NOT NULL,
  proof        BLOB NOT NULL,
  received_ms  INTEGER NOT NULL,
  PRIMARY KEY (round, strategy)
) STRICT, WITHOUT ROWID;

CREATE TABLE txs (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  signer         BLOB NOT NULL CHECK (length(signer) = 20),
  nonce          INTEGER NOT NULL,
  target         BLOB NOT NULL CHECK (length(target) = 20),
  value          BLOB NOT NULL CHECK (length(value) = 32),
  data           BLOB NOT NULL,
  gas_limit      INTEGER NOT NULL,
  deadline       INTEGER NOT NULL,
  purpose        TEXT NOT NULL,
  idempotency    TEXT NOT NULL,
  round          BLOB,
  checksum       BLOB NOT NULL CHECK (length(checksum) = 32),
  state          TEXT NOT NULL,
  reason         TEXT,
  mined_tx       BLOB,
  mined_block    INTEGER,
  mined_hash     BLOB,
  mined_gas      INTEGER
) STRICT;
-- A nonce and an idempotency key belong to one transaction, unless it failed without reaching the chain.
CREATE UNIQUE INDEX txs_by_nonce ON txs (signer, nonce) WHERE state <> 'failed';
CREATE UNIQUE INDEX txs_by_key ON txs (signer, idempotency) WHERE state <> 'failed';
CREATE INDEX txs_by_round ON txs (round);
CREATE INDEX txs_by_block ON txs (signer, mined_block);

CREATE TABLE tx_attempts (
  tx           INTEGER NOT NULL REFERENCES txs (id),
  position     INTEGER NOT NULL,
  hash         BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  raw          BLOB NOT NULL,
  max_fee      BLOB NOT NULL CHECK (length(max_fee) = 16),
  priority_fee BLOB NOT NULL CHECK (length(priority_fee) = 16),
  cancels      INTEGER NOT NULL CHECK (cancels IN (0, 1)),
  PRIMARY KEY (tx, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE settlements (
  round   BLOB PRIMARY KEY CHECK (length(round) = 32),
  claims  BLOB NOT NULL CHECK (length(claims) = 384),
  sheets  BLOB NOT NULL,
  proof   BLOB NOT NULL,
  status  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE fills (
  round       BLOB NOT NULL CHECK (length(round) = 32),
  slot        INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 31),
  intent_hash BLOB NOT NULL CHECK (length(intent_hash) = 32),
  strategy    BLOB NOT NULL CHECK (length(strategy) = 32),
  quote       INTEGER NOT NULL,
  paid        BLOB CHECK (length(paid) = 32),
  tx          BLOB,
  status      TEXT NOT NULL,
  reason      TEXT,
  PRIMARY KEY (round, slot)
) STRICT, WITHOUT ROWID;

-- The newest blocks that were processed completely.
CREATE TABLE blocks (
  number INTEGER PRIMARY KEY,
  hash   BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- Logs that were applied, so that none is applied twice and a reorganisation can take back what an earlier run applied.
CREATE TABLE events (
  block_hash   BLOB NOT NULL CHECK (length(block_hash) = 32),
  tx_hash      BLOB NOT NULL CHECK (length(tx_hash) = 32),
  log_index    INTEGER NOT NULL,
  block_number INTEGER NOT NULL,
  payload      BLOB NOT NULL,
  PRIMARY KEY (block_hash, tx_hash, log_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_block ON events (block_number, log_index);

CREATE TABLE stages (
  subject BLOB NOT NULL CHECK (length(subject) = 32),
  stage   TEXT NOT NULL,
  at_ms   INTEGER NOT NULL,
  PRIMARY KEY (subject, stage)
) STRICT, WITHOUT ROWID;

-- Why bids were given up.
CREATE TABLE drops (
  round    BLOB NOT NULL CHECK (length(round) = 32),
  strategy BLOB NOT NULL CHECK (length(strategy) = 32),
  reason   TEXT NOT NULL,
  detail   TEXT NOT NULL,
  at_ms    INTEGER NOT NULL,
  PRIMARY KEY (round, strategy)
) STRICT, WITHOUT ROWID;
CREATE INDEX drops_by_time ON drops (at_ms);
