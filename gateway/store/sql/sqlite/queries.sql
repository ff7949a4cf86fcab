-- What people and metrics look at. /*where*/ takes the filters that were given.

-- name: messages
SELECT id, received_at, site, endpoint, type, control_id, sha256,
       length(body) AS size, state, answer, ack_code, problems, resends
  FROM messages /*where*/ ORDER BY seq DESC LIMIT :limit;

-- name: message
SELECT id, received_at, site, endpoint, type, control_id, sha256,
       length(body) AS size, state, answer, ack_code, problems, resends,
       media_type, mapping, refusal, last_resend_at, seq
  FROM messages WHERE id = :id;

-- name: message_body
SELECT body FROM messages WHERE id = :id;

-- name: kept_message
SELECT id, endpoint, site, media_type, received_at, body, headers, state, problems
  FROM messages WHERE id = :id;

-- name: waits_of_message
SELECT key FROM waits WHERE message = :seq ORDER BY key;

-- What a message caused begins with its id and a hyphen.
-- name: orders_of_message
SELECT id AS order_id FROM orders WHERE id > :id || '-' AND id < :id || '.'
 UNION
SELECT order_id FROM deliveries WHERE id > :id || '-' AND id < :id || '.'
 ORDER BY order_id;

-- name: orders
SELECT id, site, facility, placer, namespace, manufacturer, manufacturer_number,
       product, status, coi_issuer, coi_value, flags, updated_at
  FROM orders /*where*/ ORDER BY seq DESC LIMIT :limit;

-- name: order
SELECT id, site, facility, placer, namespace, manufacturer, manufacturer_number,
       product, status, coi_issuer, coi_value, flags, updated_at, content, standing
  FROM orders WHERE id = :id;

-- name: events
SELECT header, body, hash FROM events WHERE order_id = :id ORDER BY n;

-- name: deliveries
SELECT id, order_id, destination, operation, key, state, attempts, due, code,
       created_at
  FROM deliveries /*where*/ ORDER BY seq DESC LIMIT :limit;

-- name: delivery
SELECT id, order_id, destination, operation, key, state, attempts, due, code,
       created_at, head, deadline, guarded, content_type, seq
  FROM deliveries WHERE id = :id;

-- name: attempts
SELECT n, started_at, ended_at, outcome, code, status, body
  FROM attempts WHERE delivery = :seq ORDER BY n;

-- name: alarms
SELECT code, subject, count, first_at, last_at, state
  FROM alarms /*where*/ ORDER BY state = 'open' DESC, last_at DESC, condition
 LIMIT :limit;

-- name: operator_log
SELECT at, who, action, subject, reason, detail
  FROM operator_log /*where*/ ORDER BY seq DESC LIMIT :limit;

-- name: damage
SELECT at, endpoint, peer, kind, size, sample
  FROM damage /*where*/ ORDER BY seq DESC LIMIT :limit;

-- name: mapping
SELECT version, text FROM mappings WHERE version = :version;

-- Heads that move by themselves: neither held nor behind a held one.
-- name: moving
SELECT EXISTS (SELECT 1 FROM deliveries WHERE open = 1 AND head = 1
                  AND (state = 'ready' OR state = 'leased')) AS found;

-- name: books
SELECT name, scope, value FROM books ORDER BY name, scope;

-- name: orders_by_status
SELECT status, count(*) FROM orders GROUP BY status;

-- name: oldest_open
SELECT b.scope,
       (SELECT d.created_at FROM deliveries AS d
         WHERE d.destination = b.scope AND d.open = 1 ORDER BY d.seq LIMIT 1)
  FROM books AS b WHERE b.name = 'deliveries.created' ORDER BY b.scope;

-- name: paused
SELECT name, paused_until FROM destinations ORDER BY name;

-- name: open_alarms
SELECT count(*) FROM alarms WHERE state = 'open';

-- name: waits_long
SELECT id FROM messages
 WHERE state = 'waiting' AND (state = 'waiting' OR state = 'held')
   AND received_at < :before;

-- A destination is behind if the oldest lane head that goes on by itself was made
-- long ago; what is held waits for a person, who was told.
-- name: behind
SELECT b.scope FROM books AS b
 WHERE b.name = 'deliveries.created'
   AND (SELECT d.created_at FROM deliveries AS d
         WHERE d.destination = b.scope AND d.open = 1 AND d.head = 1
           AND d.state <> 'held'
         ORDER BY d.seq LIMIT 1) < :before;

-- name: open_alarms_of
SELECT subject FROM alarms WHERE state = 'open' AND code = :code;
