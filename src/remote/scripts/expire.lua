-- Gives a key a deadline by PEXPIRE or PEXPIREAT (ARGV[1]) with its arguments. Returns what HPEXPIRE returns for a field:
-- -2 if there is no key, 0 if the condition is not met, 1 if it is done, 2 if the key was deleted.
if redis.call('EXISTS', KEYS[1]) == 0 then
    return -2
end
-- XXLT is two words of the command.
local words = {ARGV[2], ARGV[3]}
if ARGV[3] == 'XXLT' then
    words = {ARGV[2], 'XX', 'LT'}
end
if redis.call(ARGV[1], KEYS[1], unpack(words)) == 0 then
    return 0
end
-- In a slot that is moving away, a key that is not there is asked for elsewhere, which is an error in a script.
return redis.pcall('EXISTS', KEYS[1]) == 1 and 1 or 2
