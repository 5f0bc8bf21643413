# SPDX-License-Identifier: Apache-2.0
# needs sqlite3
sqlite3 base.db <<'SQL'
PRAGMA cache_size = -20000;
CREATE TABLE lines(a INTEGER, b INTEGER, c TEXT);
.mode list
.separator " "
.import text lines
CREATE INDEX by_a ON lines(a);
SELECT count(*), sum(b), min(a), max(a) FROM lines;
SELECT a % 10, count(*) FROM lines GROUP BY 1 ORDER BY 1;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT sum(i) FROM n;
VACUUM;
PRAGMA integrity_check;
SQL
