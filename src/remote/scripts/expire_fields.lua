-- Gives fields (from ARGV[4] on) a deadline by HPEXPIRE or HPEXPIREAT (ARGV[1]) with ARGV[2] on the condition ARGV[3] or ''.
-- Returns what that returns for each field.
--
-- Redis would give a field that has expired and is not removed yet its old value back. So only fields that are there are
-- handed over.
--
-- The condition XXLT is none of the command: LT for the fields that have a deadline.
local call, outcomes = redis.call, {}
local condition, must_have = ARGV[3], ARGV[3] == 'XXLT'
if must_have then
    condition = 'LT'
end
for first = 4, #ARGV, 4000 do
    local last = math.min(first + 3999, #ARGV)
    local times = redis.pcall('HPEXPIRETIME', KEYS[1], 'FIELDS', last - first + 1, unpack(ARGV, first, last))
    if times.err then
        -- If the fields before were all that there were, the key is gone. In a slot that is moving away, it is asked for
        -- elsewhere then, which is an error in a script.
        if first == 4 or not string.find(times.err, 'non local key', 1, true) then
            return times
        end
        times = {}
    end
    local fields, places = {}, {}
    for at = first, last do
        outcomes[at - 3] = -2
        -- A field that is named twice is given its deadline twice, as by the command itself.
        local time = times[at - first + 1] or -2
        if time == -1 and must_have then
            outcomes[at - 3] = 0
        elseif time ~= -2 then
            fields[#fields + 1] = ARGV[at]
            places[#places + 1] = at - 3
        end
    end
    if #fields > 0 then
        local words = {ARGV[2]}
        if condition ~= '' then
            words[2] = condition
        end
        words[#words + 1], words[#words + 2] = 'FIELDS', #fields
        local head = #words
        for at = 1, #fields do
            words[head + at] = fields[at]
        end
        for at, outcome in ipairs(call(ARGV[1], KEYS[1], unpack(words))) do
            outcomes[places[at]] = outcome
        end
    end
end
return outcomes
