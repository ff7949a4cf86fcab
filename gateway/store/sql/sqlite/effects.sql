-- What follows from a message, an attempt or a person's action.

-- name: insert_message
INSERT INTO messages (
    id, received_at, site, endpoint, type, control_id, media_type, sha256, state,
    answer, ack_code, refusal, problems, mapping, answer_closes, headers,
    answer_body, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_accepted
INSERT INTO accepted (key, digest, sent_at, message) VALUES (?, ?, ?, ?);

-- name: insert_wait
INSERT OR IGNORE INTO waits (key, message) VALUES (?, ?);

-- name: count_resend
UPDATE messages SET resends = resends + 1, last_resend_at = ? WHERE seq = ?;

-- name: insert_order
INSERT INTO orders (
    site, namespace, placer, facility, manufacturer, product, status, open,
    coi_issuer, coi_value, manufacturer_number, flags, identity_hold, identity,
    content_digest, length, head, updated_at, standing, id, content)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: update_order
UPDATE orders SET
    site = ?, namespace = ?, placer = ?, facility = ?, manufacturer = ?, product = ?,
    status = ?, open = ?, coi_issuer = ?, coi_value = ?, manufacturer_number = ?,
    flags = ?, identity_hold = ?, identity = ?, content_digest = ?, length = ?,
    head = ?, updated_at = ?, standing = ?, content = coalesce(?21, content)
 WHERE id = ?20;

-- name: insert_patient
INSERT OR IGNORE INTO patients (site, authority, value, order_id) VALUES (?, ?, ?, ?);

-- name: insert_event
INSERT INTO events (order_id, n, header, salt, commitment, hash, body)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- A delivery begins as its lane's head exactly when the lane has none open, or when
-- it tells a site of a hold: what is open then is kept back by that very hold.
-- name: insert_delivery
INSERT INTO deliveries (
    id, key, order_id, destination, operation, state, open, head, due, deadline,
    guarded, identity, content_type, created_at, message)
VALUES (?1, ?2, ?3, ?4, ?5, 'ready', 1,
    (?5 = 'status' AND NOT ?8) OR
    NOT EXISTS (SELECT 1 FROM deliveries
                 WHERE order_id = ?3 AND destination = ?4 AND open = 1),
    ?6, ?7, ?8, ?9, ?10, ?11, ?12);

-- name: lane_is_blocked
SELECT EXISTS (SELECT 1 FROM deliveries
                WHERE order_id = ? AND destination = ? AND open = 1
                  AND (state = 'held' OR state = 'dead'));

-- name: insert_body
INSERT INTO bodies (delivery, body) VALUES (?, ?);

-- name: raise_alarm
INSERT INTO alarms (condition, code, subject, first_at, last_at, count, state)
VALUES (?1, ?2, ?3, ?4, ?4, 1, 'open')
    ON CONFLICT (condition) DO UPDATE SET
    first_at = CASE state WHEN 'open' THEN first_at ELSE excluded.first_at END,
    count = CASE state WHEN 'open' THEN count + 1 ELSE 1 END,
    last_at = excluded.last_at, state = 'open';

-- name: close_alarm
UPDATE alarms SET state = 'closed' WHERE condition = ? AND state = 'open';

-- name: message_state
SELECT seq, state, site FROM messages WHERE id = ?;

-- name: change_message
UPDATE messages SET state = ?, problems = ? WHERE seq = ?;

-- name: forget_waits
DELETE FROM waits WHERE message = ?;

-- name: write_book
INSERT INTO books (name, scope, value) VALUES (?, ?, ?)
    ON CONFLICT (name, scope) DO UPDATE SET value = value + excluded.value;
