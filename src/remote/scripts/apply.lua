-- Compares hashes with what a client has seen of them, and if all is the same, runs commands on them. Returns 1, or 0 if
-- something differs and nothing was done.
--
-- For each key, what was seen: n and n pairs of field and value; n and n absent fields; n and n pairs of field and
-- HPEXPIRETIME; the number of fields, or 'some', or 'not left over' (no key with a deadline whose fields have all
-- expired), or nothing; the key's PEXPIRETIME, or nothing. Numbers are text, with which Lua calculates all the same.
-- Then for each key, what to do: n and n times a name, m and m arguments.
local call, words, at = redis.call, ARGV, 0
for key_number = 1, #KEYS do
    local key = KEYS[key_number]
    call('HLEN', key) -- fails if it is no hash, as long as nothing is done
    local last = at + 1 + 2 * words[at + 1]
    for here = at + 2, last, 2 do
        if call('HGET', key, words[here]) ~= words[here + 1] then
            return 0
        end
    end
    at = last
    last = at + 1 + words[at + 1]
    for here = at + 2, last do
        if call('HGET', key, words[here]) then
            return 0
        end
    end
    at = last
    last = at + 1 + 2 * words[at + 1]
    for here = at + 2, last, 2 do
        if call('HPEXPIRETIME', key, 'FIELDS', 1, words[here])[1] ~= tonumber(words[here + 1]) then
            return 0
        end
    end
    local size, time = words[last + 1], words[last + 2]
    if size ~= '' and (size ~= 'not left over' or call('PEXPIRETIME', key) >= 0) then
        local fields = #call('HKEYS', key) -- HLEN would count what has expired
        if fields == 0 and size ~= '0' or tonumber(size) and fields ~= tonumber(size) then
            return 0
        end
    end
    if time ~= '' and call('PEXPIRETIME', key) ~= tonumber(time) then
        return 0
    end
    at = last + 2
end
-- First whether the user may do all of it: a refusal in the middle would leave a part done. What else a server refuses
-- (no memory, no replicas, no disk) it refuses at the first command or not at all.
local first = at
local is_alone = #KEYS == 1 and words[at + 1] == '1'
for pass = is_alone and 2 or 1, 2 do
    at = first
    for key_number = 1, #KEYS do
        local key, commands = KEYS[key_number], tonumber(words[at + 1])
        at = at + 1
        for _ = 1, commands do
            local name, last = words[at + 1], at + 2 + words[at + 2]
            if pass == 2 then
                local answer = redis.pcall(name, key, unpack(words, at + 3, last))
                -- If the commands before have removed the last field, the key is gone. In a slot that is moving away, it is
                -- asked for elsewhere then, which is an error in a script. Nothing is lost by leaving the command out: those
                -- that set fields come in an order in which none that removes the key stands before one that leaves fields.
                if type(answer) == 'table' and answer.err and not string.find(answer.err, 'non local key', 1, true) then
                    return answer
                end
            elseif not redis.acl_check_cmd(name, key) then
                return redis.error_reply('NOPERM the user has no permissions to run the ' .. name .. ' command')
            end
            at = last
        end
    end
end
return 1
