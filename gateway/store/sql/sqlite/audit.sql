-- The rows, counted apart from the books.

-- name: books
SELECT name, scope, value FROM books;

-- name: count_messages
SELECT site, state, answer, count(*) FROM messages GROUP BY site, state, answer;

-- name: count_deliveries
SELECT destination, state, count(*) FROM deliveries GROUP BY destination, state;

-- name: count_orders
SELECT count(*) FROM orders;

-- name: count_events
SELECT count(*) FROM events;

-- What was rejected must be judged anew when it comes again.
-- name: rejected_but_remembered
SELECT count(*) FROM accepted AS a JOIN messages AS m ON m.seq = a.message
 WHERE m.state = 'rejected';

-- name: accepted_but_refused
SELECT count(*) FROM messages WHERE state <> 'rejected' AND answer = 'negative';

-- A lane with something open has one head, and it is its first.
-- What tells of a hold is a head beside the one that the hold keeps back.
-- name: lanes_without_their_head
SELECT count(*) FROM (
    SELECT 1 FROM deliveries WHERE open = 1
     GROUP BY order_id, destination
    HAVING sum(head AND (guarded OR operation <> 'status')) > 1
        OR min(seq) IS NOT min(CASE head WHEN 1 THEN seq END));

-- name: heads_of_no_lane
SELECT count(*) FROM deliveries WHERE head = 1 AND open = 0;

-- name: waits_of_no_waiting_message
SELECT count(*) FROM waits AS w JOIN messages AS m ON m.seq = w.message
 WHERE m.state <> 'waiting';

-- What is listed of an order is what its events made of it.
-- name: orders_shown_otherwise
SELECT count(*) FROM orders
 WHERE status IS NOT json_extract(standing, '$.status')
    OR manufacturer IS NOT json_extract(standing, '$.manufacturer');

-- name: bodies
SELECT sha256, body FROM messages;

-- name: orders
SELECT id, length, head FROM orders ORDER BY seq;

-- name: ledger
SELECT order_id, n, header, body, salt, commitment, hash
  FROM events WHERE order_id = ? ORDER BY n;
