-- List the user's live records, most recently seen first.
--
-- ARGV  2 user id
-- Returns the sessions.

return described_all(live_of(ARGV[2]))
