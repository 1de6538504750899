-- For wrk: calls of an LLM. Its argument is how many milliseconds each connection waits between two.
local pause = 0

function init(arguments)
  pause = tonumber(arguments[1]) or 0
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  local prompt = string.rep("x", 960)
  wrk.body = '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"' .. prompt .. '"}]}'
  if pause > 0 then
    function delay()
      return pause
    end
  end
end
