-- Compares hashes with what a client has seen of them, and if all is the same, runs commands on them. Returns 1, or 0 if
-- something differs and nothing was done.
--
-- For each key, what was seen: n and n pairs of field and value; n and n absent fields; n and n pairs of field and
-- HPEXPIRETIME; the number of fields, or nothing; the key's PEXPIRETIME, or nothing.
-- Then for each key, what to do: n and n times a name, m and m arguments.
local at = 0
local function take()
    at = at + 1
    return ARGV[at]
end
for _, key in ipairs(KEYS) do
    for _ = 1, tonumber(take()) do
        if redis.call('HGET', key, take()) ~= take() then
            return 0
        end
    end
    for _ = 1, tonumber(take()) do
        if redis.call('HGET', key, take()) then
            return 0
        end
    end
    for _ = 1, tonumber(take()) do
        if redis.call('HPEXPIRETIME', key, 'FIELDS', 1, take())[1] ~= tonumber(take()) then
            return 0
        end
    end
    local size = take()
    -- HLEN would count what has expired.
    if size ~= '' and #redis.call('HKEYS', key) ~= tonumber(size) then
        return 0
    end
    local time = take()
    if time ~= '' and redis.call('PEXPIRETIME', key) ~= tonumber(time) then
        return 0
    end
end
for _, key in ipairs(KEYS) do
    for _ = 1, tonumber(take()) do
        local name, count = take(), tonumber(take())
        redis.call(name, key, unpack(ARGV, at + 1, at + count))
        at = at + count
    end
end
return 1
