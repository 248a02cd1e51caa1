CREATE TABLE input(a INTEGER, b INTEGER);
.mode list
.separator " "
.import /dev/stdin input
SELECT 2 * (a + b) FROM input;
