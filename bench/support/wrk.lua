-- Arguments: mode ("cycle", "random" or "rising"), path prefix, number of URLs, first number (rising), milliseconds that
-- each connection waits between an answer and its next request on average (0 for none).
-- Prints its result as one line of JSON.
local mode, prefix, count, number
local head, tail
local ready = {}

function init(args)
  mode, prefix, count, number = args[1], args[2], tonumber(args[3]), tonumber(args[4] or "0")
  head = "GET " .. prefix
  tail = " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\n\r\n"
  math.randomseed(number + 1)
  local thinkMs = tonumber(args[5] or "0")
  -- wrk only waits where there is such a function. Its latencies begin after the wait.
  if thinkMs > 0 then delay = function() return math.random(0, 2 * thinkMs) end end
  -- Composed beforehand where they are few, so that the client does not cost more than the server.
  if mode == "cycle" then
    for n = 0, count - 1 do ready[n] = head .. n .. tail end
  end
end

function request()
  if mode == "random" then return head .. math.random(0, count - 1) .. tail end
  number = number + 1
  if mode == "rising" then return head .. number .. tail end
  return ready[number % count]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"bytes":%d,"p50Ms":%.4f,"p99Ms":%.4f,"p999Ms":%.4f,"maxMs":%.4f,"statusErrors":%d,"socketErrors":%d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    latency:percentile(99.9) / 1000, latency.max / 1000,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
