-- Returns hashes as they are now: the server's time (seconds, microseconds), and for each key when it expires
-- (PEXPIRETIME), its fields with their values, and the fields that expire with their times. With ARGV[1], it stops before
-- the hash with which there would be more fields than this, but not before the first; and a key that holds something other
-- than a hash has no fields, where it is an error otherwise.
local call, most = redis.call, tonumber(ARGV[1])
local answer = call('TIME')
for key_number = 1, #KEYS do
    local key = KEYS[key_number]
    local is_hash = true
    if most then
        local size = redis.pcall('HLEN', key)
        if type(size) == 'table' then
            if not string.find(size.err, 'WRONGTYPE', 1, true) then
                return size
            end
            is_hash, size = false, 0
        end
        most = most - size
        if most < 0 and key_number > 1 then
            break
        end
    end
    local pairs, timed = is_hash and call('HGETALL', key) or {}, {}
    -- In both servers, no hash of this encoding has a field that expires.
    local is_plain = not is_hash or call('OBJECT', 'ENCODING', key) == 'listpack'
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
