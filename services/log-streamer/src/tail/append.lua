-- Takes a batch into the hot tail of one log, if it is the next one (DESIGN L3).
-- KEYS[1] stream whose entries' ids are `<last seq>-0`
-- ARGV    durable seq, first seq, last seq, records, seconds to live
-- Answers 0 if it took the batch, else the sequence that is expected.
local top = tonumber(ARGV[1])
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if newest then
  top = math.max(top, tonumber(string.match(newest[1], '^%d+')))
end
if tonumber(ARGV[2]) ~= top + 1 then
  return top + 1
end
-- XADD comes first: after a script's first write Redis no longer refuses for want of memory.
redis.call('XADD', KEYS[1], ARGV[3] .. '-0', 'r', ARGV[4])
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', tonumber(ARGV[1]) + 1))
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 0
