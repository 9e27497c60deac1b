-- Returns hashes as they are now: the server's time (seconds, microseconds), and for each key when it expires
-- (PEXPIRETIME), its fields with their values, and the fields that expire with their times.
local answer = redis.call('TIME')
for _, key in ipairs(KEYS) do
    local pairs = redis.call('HGETALL', key)
    local timed = {}
    for first = 1, #pairs, 4000 do
        local fields = {}
        for at = first, math.min(first + 3999, #pairs), 2 do
            fields[#fields + 1] = pairs[at]
        end
        local times = redis.call('HPEXPIRETIME', key, 'FIELDS', #fields, unpack(fields))
        for at = 1, #times do
            if times[at] >= 0 then
                timed[#timed + 1] = fields[at]
                timed[#timed + 1] = times[at]
            end
        end
    end
    answer[#answer + 1] = redis.call('PEXPIRETIME', key)
    answer[#answer + 1] = pairs
    answer[#answer + 1] = timed
end
return answer
