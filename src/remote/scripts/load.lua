-- Returns hashes as they are now: the server's time (seconds, microseconds), and for each key when it expires
-- (PEXPIRETIME), its fields with their values, and the fields that expire with their times. With ARGV[1], it stops before
-- the hash with which there would be more fields than this, but not before the first.
local call, most = redis.call, tonumber(ARGV[1])
local answer = call('TIME')
for key_number = 1, #KEYS do
    local key = KEYS[key_number]
    if most then
        most = most - call('HLEN', key)
        if most < 0 and key_number > 1 then
            break
        end
    end
    local pairs, timed = call('HGETALL', key), {}
    -- In both servers, no hash of this encoding has a field that expires.
    local is_plain = call('OBJECT', 'ENCODING', key) == 'listpack'
    for first = 1, is_plain and 0 or #pairs, 4000 do
        local fields, count = {}, 0
        for at = first, math.min(first + 3999, #pairs), 2 do
            count = count + 1
            fields[count] = pairs[at]
        end
        local times = call('HPEXPIRETIME', key, 'FIELDS', count, unpack(fields))
        for at = 1, count do
            if times[at] >= 0 then
                timed[#timed + 1] = fields[at]
                timed[#timed + 1] = times[at]
            end
        end
    end
    local at = 3 * key_number
    answer[at], answer[at + 1], answer[at + 2] = call('PEXPIRETIME', key), pairs, timed
end
return answer
