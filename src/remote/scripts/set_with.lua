-- Sets fields (from ARGV[8] on, each with its value) with deadlines and on conditions. Returns how many are new, or nil
-- if a condition is not met.
-- ARGV: 1 the key must be '' (any), NX or XX; 2 the fields must be '' (any), FNX or FXX;
--       3 what becomes of the fields' deadlines: DROP, KEEP, HPEXPIRE or HPEXPIREAT, 4 with this time;
--       5 PEXPIRE, PEXPIREAT or '' for the key, 6 with this time, 7 on this condition or ''.
local key, key_condition, field_condition, mode = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if key_condition ~= '' and (redis.call('EXISTS', key) == 1) ~= (key_condition == 'XX') then
    return false
end
local new, count = 0, (#ARGV - 7) / 2
for at = 8, #ARGV, 2 do
    local exists = redis.call('HEXISTS', key, ARGV[at]) == 1
    if field_condition ~= '' and exists ~= (field_condition == 'FXX') then
        return false
    end
    if not exists then
        new = new + 1
    end
end
if count == 0 then
    return 0
end
-- Whether the user may do what comes after the first change.
for _, name in ipairs({mode, ARGV[5]}) do
    if name ~= '' and name ~= 'KEEP' and name ~= 'DROP' and not redis.acl_check_cmd(name, key) then
        return redis.error_reply('NOPERM the user has no permissions to run the ' .. name .. ' command')
    end
end
for first = 8, #ARGV, 2000 do
    local last = math.min(first + 1999, #ARGV)
    if mode == 'KEEP' then
        redis.call('HSETEX', key, 'KEEPTTL', 'FIELDS', (last - first + 1) / 2, unpack(ARGV, first, last))
    else
        redis.call('HSET', key, unpack(ARGV, first, last))
    end
end
-- A deadline in the past removes what it is for. If it was the last field, the key is gone. In a slot that is moving away, it is
-- asked for elsewhere then, which is an error in a script. There is nothing left to do.
local function refusal(...)
    local answer = redis.pcall(...)
    if type(answer) == 'table' and answer.err and not string.find(answer.err, 'non local key', 1, true) then
        return answer
    end
end
local refused
if mode == 'HPEXPIRE' or mode == 'HPEXPIREAT' then
    for first = 8, #ARGV, 2000 do
        local fields = {}
        for at = first, math.min(first + 1999, #ARGV), 2 do
            fields[#fields + 1] = ARGV[at]
        end
        refused = refused or refusal(mode, key, ARGV[4], 'FIELDS', #fields, unpack(fields))
    end
end
if ARGV[5] ~= '' and ARGV[7] == '' then
    refused = refused or refusal(ARGV[5], key, ARGV[6])
elseif ARGV[5] ~= '' and ARGV[7] == 'XXLT' then
    refused = refused or refusal(ARGV[5], key, ARGV[6], 'XX', 'LT')
elseif ARGV[5] ~= '' then
    refused = refused or refusal(ARGV[5], key, ARGV[6], ARGV[7])
end
return refused or new
