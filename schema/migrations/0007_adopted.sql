-- What was there when somebody began: `adopt` marks it. Nobody is alerted of what opened before that.
ALTER TABLE finding ADD COLUMN adopted_at INTEGER;
