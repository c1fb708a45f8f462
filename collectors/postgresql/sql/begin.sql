-- Opens the one transaction of a poll. SET LOCAL ends with it, so nothing stays behind in a pooled connection.
BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
SET LOCAL statement_timeout = {statement_timeout};
SET LOCAL lock_timeout = {lock_timeout};
-- Should the advisor freeze, the server ends the transaction by itself.
SET LOCAL idle_in_transaction_session_timeout = 30000;
SET LOCAL application_name = 'scaling-advisor';
SET LOCAL client_encoding = 'UTF8';
-- Only the server's own functions and operators are meant, whoever may create others elsewhere.
SET LOCAL search_path = pg_catalog, pg_temp;
-- No worker processes and no compiler for our sake.
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL jit = off;
