-- GET with a different token each time, in turn. TOKENS names a file with one token a line.
local requests, at = {}, 0

function init()
  for token in io.lines(os.getenv("TOKENS")) do
    requests[#requests + 1] = wrk.format("GET", nil, { Authorization = "Bearer " .. token })
  end
  -- Each thread begins elsewhere, so that the threads are not at the same token at the same time.
  at = (tonumber(tostring({}):match("0x(%x+)"), 16) or 0) % #requests
end

function request()
  at = at % #requests + 1
  return requests[at]
end
