-- Adds ARGV[2] to the field ARGV[1], and gives it a deadline by ARGV[3] (HPEXPIRE or HPEXPIREAT) and ARGV[4] if it has
-- none. Returns the sum as text, because Lua's numbers would round it. Before that, it asks whether the user may do all.
for _, name in ipairs({'HGET', ARGV[3]}) do
    if not redis.acl_check_cmd(name, KEYS[1]) then
        return redis.error_reply('NOPERM the user has no permissions to run the ' .. name .. ' command')
    end
end
redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])
local sum = redis.call('HGET', KEYS[1], ARGV[1])
redis.call(ARGV[3], KEYS[1], ARGV[4], 'NX', 'FIELDS', 1, ARGV[1])
return sum
