-- What a message needs looked up. Read in the transaction that will write.

-- name: seen
SELECT digest, sent_at, message FROM accepted WHERE key = ?;

-- name: stored_answer
SELECT id, answer, ack_code, answer_body, answer_closes FROM messages WHERE seq = ?;

-- An order's head says whether it is in memory already; often it is.
-- name: order_by_key
SELECT id, length, head, content_digest
  FROM orders
 WHERE site = ? AND namespace = ? AND placer = ?;

-- name: order_by_id
SELECT id, length, head, content_digest FROM orders WHERE id = ?;

-- name: order_body
SELECT content, standing FROM orders WHERE id = ?;

-- name: open_orders_of_patient
SELECT o.id, o.length, o.head, o.content_digest
  FROM patients AS p
  JOIN orders AS o ON o.id = p.order_id
 WHERE p.site = ? AND p.authority = ? AND p.value = ? AND o.open = 1
 ORDER BY o.seq;

-- name: orders_of_coi
SELECT id, length, head, content_digest
  FROM orders
 WHERE coi_value IS NOT NULL AND coi_issuer = ? AND coi_value = ?
 ORDER BY seq;

-- name: orders_of_number
SELECT id, length, head, content_digest
  FROM orders
 WHERE manufacturer_number IS NOT NULL AND manufacturer = ? AND manufacturer_number = ?
 ORDER BY seq;

-- name: waiting
SELECT m.seq, m.id, m.endpoint, m.site, m.media_type, m.received_at, m.body, m.headers
  FROM waits AS w
 CROSS JOIN messages AS m ON m.seq = w.message
 WHERE w.key = ?
 ORDER BY w.message;
