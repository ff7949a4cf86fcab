-- What a person does, and what the process keeps for one.

-- name: log
INSERT INTO operator_log (at, who, action, subject, reason, detail)
VALUES (?, ?, ?, ?, ?, ?);

-- name: keep_mapping
INSERT OR IGNORE INTO mappings (version, text, kept_at)
VALUES (?, ?, CAST(unixepoch('subsec') * 1000000 AS INTEGER));

-- name: keep_damage
INSERT INTO damage (at, endpoint, peer, kind, size, sample)
VALUES (CAST(unixepoch('subsec') * 1000000 AS INTEGER), ?, ?, ?, ?, ?);

-- name: forget_old_damage
DELETE FROM damage WHERE seq <= ?;
