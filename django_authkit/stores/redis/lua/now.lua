-- Returns the clock of the store.

return now
