-- The life of a delivery after it was stored.

-- Lease due lane heads, oldest first. A head whose lease ran out counts as due.
-- Both halves walk a partial index that holds nothing but candidates, so a claim
-- costs the same however many deliveries wait behind the heads. Of the ready ones
-- no more than asked are looked at; lapsed leases are as few as workers were.
-- RETURNING has no order of its own.
-- name: claim
UPDATE deliveries
   SET lapsed = (state = 'leased'), uncertain = (uncertain OR state = 'leased'),
       state = 'leased', lease = lease + 1, attempts = attempts + 1, lease_until = ?3
 WHERE seq IN (
        SELECT seq FROM (
            SELECT * FROM (
                SELECT seq, due FROM deliveries
                 WHERE head = 1 AND state = 'ready' AND destination = ?1 AND due <= ?2
                 ORDER BY due LIMIT ?4)
             UNION ALL
            SELECT seq, due FROM deliveries
             WHERE state = 'leased' AND destination = ?1 AND lease_until <= ?2)
         WHERE NOT EXISTS (SELECT 1 FROM destinations
                            WHERE name = ?1 AND paused_until > ?2)
         ORDER BY due, seq
         LIMIT ?4)
RETURNING due, seq, id, order_id, key, operation, content_type, attempts, lease,
          deadline, lapsed, uncertain, proven, guarded, identity,
          (SELECT identity FROM orders WHERE id = deliveries.order_id),
          (SELECT identity_hold FROM orders WHERE id = deliveries.order_id),
          (SELECT body FROM bodies WHERE delivery = deliveries.seq);

-- Asked again before the first byte: what came up since the claim.
-- name: guard
SELECT d.guarded, d.identity, o.identity, o.identity_hold
  FROM deliveries AS d LEFT JOIN orders AS o ON o.id = d.order_id
 WHERE d.id = ? AND d.lease = ? AND d.state = 'leased';

-- name: next_due
SELECT (SELECT due FROM deliveries
         WHERE head = 1 AND state = 'ready' AND destination = ?1
         ORDER BY due LIMIT 1),
       (SELECT lease_until FROM deliveries
         WHERE state = 'leased' AND destination = ?1
         ORDER BY lease_until LIMIT 1),
       (SELECT paused_until FROM destinations WHERE name = ?1);

-- name: settle
UPDATE deliveries
   SET state = ?3, open = ?4, head = ?4, due = coalesce(?5, due), code = ?6,
       uncertain = (uncertain OR ?7), lease_until = NULL
 WHERE id = ?1 AND lease = ?2 AND state = 'leased'
RETURNING seq, order_id, destination, attempts;

-- The holders died with their process; whoever claims next is told so.
-- name: lapse_leases
UPDATE deliveries SET lease_until = 0 WHERE state = 'leased';

-- name: insert_attempt
INSERT INTO attempts (delivery, n, started_at, ended_at, outcome, code, status, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: promote
UPDATE deliveries SET head = 1
 WHERE seq = (SELECT seq FROM deliveries
               WHERE order_id = ? AND destination = ? AND open = 1
               ORDER BY seq LIMIT 1)
   AND head = 0;

-- name: pause
INSERT INTO destinations (name, paused_until, reason) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET
    paused_until = excluded.paused_until, reason = excluded.reason
    WHERE excluded.paused_until > paused_until;

-- Only what may have arrived: some attempt is under way, or ended unknown.
-- name: settle_by_report
SELECT seq, state FROM deliveries
 WHERE order_id = ? AND destination = ? AND open = 1 AND operation = ?
   AND (uncertain = 1 OR state = 'leased')
   AND (state <> 'held' OR code = 'delivery.outcome_unknown');

-- The answer under way may say more than the report did, so its worker settles it.
-- name: prove
UPDATE deliveries SET proven = 1 WHERE seq = ?;

-- name: proven
SELECT proven FROM deliveries WHERE id = ? AND lease = ? AND state = 'leased';

-- name: close
UPDATE deliveries
   SET state = ?2, open = 0, head = 0, code = ?3, lease_until = NULL
 WHERE seq = ?1;

-- name: delivery_state
SELECT seq, state, order_id, destination, open, attempts FROM deliveries WHERE id = ?;

-- name: send_again
UPDATE deliveries
   SET state = 'ready', open = 1, due = ?2, code = ?3, deadline = coalesce(?4, deadline)
 WHERE seq = ?1;

-- The heads of a lane step back; the first open one is promoted next. What tells of
-- a hold waits for no other.
-- name: step_back
UPDATE deliveries SET head = 0
 WHERE order_id = ? AND destination = ? AND head = 1
   AND (guarded OR operation <> 'status');

-- What makes it unsafe to send a closed delivery again: the lane went on without it.
-- name: overtaken
SELECT EXISTS (SELECT 1 FROM deliveries
                WHERE order_id = ?1 AND destination = ?2 AND seq > ?3
                  AND (attempts > 0 OR operation = 'submit'));
