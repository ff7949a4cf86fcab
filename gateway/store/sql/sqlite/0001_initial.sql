-- Times are microseconds since 1970, UTC. Raw messages, event bodies and
-- delivery bodies are opaque blobs: nothing here looks inside them.

CREATE TABLE messages (
    seq            INTEGER PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    received_at    INTEGER NOT NULL,
    site           TEXT NOT NULL,
    endpoint       TEXT NOT NULL,
    type           TEXT NOT NULL,
    control_id     TEXT NOT NULL,
    media_type     TEXT NOT NULL,
    sha256         BLOB NOT NULL,
    state          TEXT NOT NULL
        CHECK (state = 'applied' OR state = 'no_effect' OR state = 'waiting'
            OR state = 'held' OR state = 'rejected'),
    answer         TEXT NOT NULL
        CHECK (answer = 'positive' OR answer = 'negative' OR answer = 'none'),
    ack_code       TEXT NOT NULL,
    refusal        TEXT,
    problems       TEXT NOT NULL,
    mapping        TEXT NOT NULL,
    resends        INTEGER NOT NULL DEFAULT 0,
    last_resend_at INTEGER,
    answer_closes  INTEGER NOT NULL,
    headers        TEXT NOT NULL,
    answer_body    BLOB NOT NULL,
    body           BLOB NOT NULL,
    -- A negative answer means the sender still owns the message.
    CHECK (state = 'rejected' OR answer <> 'negative'),
    CHECK ((refusal IS NULL) = (state <> 'rejected'))
) STRICT;

CREATE INDEX messages_pending ON messages (state) WHERE state = 'waiting' OR state = 'held';

-- What was accepted, by control id and content. A negative outcome never enters.
CREATE TABLE accepted (
    key     TEXT NOT NULL,
    digest  BLOB NOT NULL,
    sent_at INTEGER,
    message INTEGER NOT NULL REFERENCES messages (seq),
    PRIMARY KEY (key, digest)
) STRICT, WITHOUT ROWID;

-- What a waiting message waits for: the business keys of orders.
CREATE TABLE waits (
    key     TEXT NOT NULL,
    message INTEGER NOT NULL REFERENCES messages (seq),
    PRIMARY KEY (key, message)
) STRICT, WITHOUT ROWID;

CREATE INDEX waits_message ON waits (message);

-- The projection of each ledger: how the order stands after its last event.
CREATE TABLE orders (
    seq                 INTEGER PRIMARY KEY,
    id                  TEXT NOT NULL UNIQUE,
    site                TEXT NOT NULL,
    namespace           TEXT NOT NULL,
    placer              TEXT NOT NULL,
    facility            TEXT NOT NULL,
    manufacturer        TEXT NOT NULL,
    product             TEXT NOT NULL,
    status              TEXT NOT NULL,
    open                INTEGER NOT NULL,
    coi_issuer          TEXT,
    coi_value           TEXT,
    manufacturer_number TEXT,
    flags               TEXT NOT NULL,
    identity_hold       INTEGER NOT NULL,
    identity            BLOB NOT NULL,
    content_digest      BLOB NOT NULL,
    length              INTEGER NOT NULL,
    head                BLOB NOT NULL,
    updated_at          INTEGER NOT NULL,
    standing            BLOB NOT NULL,
    content             BLOB NOT NULL,
    UNIQUE (site, namespace, placer)
) STRICT;

CREATE INDEX orders_coi ON orders (coi_issuer, coi_value)
    WHERE coi_value IS NOT NULL;
CREATE INDEX orders_number ON orders (manufacturer, manufacturer_number)
    WHERE manufacturer_number IS NOT NULL;

CREATE TABLE patients (
    site      TEXT NOT NULL,
    authority TEXT NOT NULL,
    value     TEXT NOT NULL,
    order_id  TEXT NOT NULL REFERENCES orders (id),
    PRIMARY KEY (site, authority, value, order_id)
) STRICT, WITHOUT ROWID;

-- The ledgers: append-only, hashed as these very bytes.
CREATE TABLE events (
    order_id   TEXT NOT NULL REFERENCES orders (id),
    n          INTEGER NOT NULL,
    header     BLOB NOT NULL,
    salt       BLOB NOT NULL,
    commitment BLOB NOT NULL,
    hash       BLOB NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (order_id, n)
) STRICT;

-- Lane: one order at one destination. open: it keeps what follows it in its
-- lane waiting. head: it is the first open one of its lane. lapsed: the lease
-- before this one ended without a result. uncertain: some attempt did, or ended
-- unknown, so the receiver may have acted. proven: the receiver reported what
-- came of it while a worker held the lease, so it has arrived.
CREATE TABLE deliveries (
    seq          INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    key          TEXT NOT NULL UNIQUE,
    order_id     TEXT NOT NULL,
    destination  TEXT NOT NULL,
    operation    TEXT NOT NULL,
    state        TEXT NOT NULL
        CHECK (state = 'ready' OR state = 'leased' OR state = 'delivered'
            OR state = 'held' OR state = 'rejected' OR state = 'dead'
            OR state = 'superseded'),
    open         INTEGER NOT NULL,
    head         INTEGER NOT NULL,
    due          INTEGER NOT NULL,
    lease        INTEGER NOT NULL DEFAULT 0,
    lease_until  INTEGER,
    lapsed       INTEGER NOT NULL DEFAULT 0,
    uncertain    INTEGER NOT NULL DEFAULT 0,
    proven       INTEGER NOT NULL DEFAULT 0,
    attempts     INTEGER NOT NULL DEFAULT 0,
    code         TEXT NOT NULL DEFAULT '',
    deadline     INTEGER NOT NULL,
    guarded      INTEGER NOT NULL,
    identity     BLOB NOT NULL,
    content_type TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    message      INTEGER REFERENCES messages (seq),
    CHECK (open OR NOT head),
    CHECK (open OR (state <> 'ready' AND state <> 'leased' AND state <> 'held')),
    CHECK ((lease_until IS NULL) = (state <> 'leased'))
) STRICT;

CREATE INDEX deliveries_lane ON deliveries (order_id, destination, open);
CREATE INDEX deliveries_due ON deliveries (destination, due)
    WHERE head = 1 AND state = 'ready';
CREATE INDEX deliveries_leased ON deliveries (destination, lease_until)
    WHERE state = 'leased';
CREATE INDEX deliveries_open ON deliveries (destination) WHERE open = 1;

-- Apart from their deliveries, so that a change of state does not rewrite them.
CREATE TABLE bodies (
    delivery INTEGER PRIMARY KEY REFERENCES deliveries (seq),
    body     BLOB NOT NULL
) STRICT;

CREATE TABLE attempts (
    delivery   INTEGER NOT NULL REFERENCES deliveries (seq),
    n          INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    outcome    TEXT NOT NULL,
    code       TEXT NOT NULL,
    status     TEXT NOT NULL,
    body       BLOB NOT NULL,
    PRIMARY KEY (delivery, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE destinations (
    name         TEXT PRIMARY KEY,
    paused_until INTEGER NOT NULL,
    reason       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE alarms (
    condition TEXT PRIMARY KEY,
    code      TEXT NOT NULL,
    subject   TEXT NOT NULL,
    first_at  INTEGER NOT NULL,
    last_at   INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    state     TEXT NOT NULL CHECK (state IN ('open', 'closed'))
) STRICT, WITHOUT ROWID;

-- The closed books: kept beside the rows, never derived from them.
CREATE TABLE books (
    name  TEXT NOT NULL,
    scope TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (name, scope)
) STRICT, WITHOUT ROWID;

CREATE TABLE operator_log (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    who     TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason  TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;

-- The text of every mapping that decided a message, by hash.
CREATE TABLE mappings (
    version TEXT PRIMARY KEY,
    text    TEXT NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Bytes that never became a message; only the newest are kept.
CREATE TABLE damage (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    peer     TEXT NOT NULL,
    kind     TEXT NOT NULL,
    size     INTEGER NOT NULL,
    sample   BLOB NOT NULL
) STRICT;
