-- What wrk sends: the bodies of a file, one a line, in turn; and what it counts. The last line it
-- prints is a JSON object.
local threads = {}

function setup(thread)
	table.insert(threads, thread)
end

function init(args)
	requests, at, wrong, first = {}, 0, 0, ""
	for line in io.lines(args[1]) do
		table.insert(requests, wrk.format("POST", "/v1/runs",
			{["Content-Type"] = "application/json"}, line))
	end
end

function request()
	at = at % #requests + 1
	return requests[at]
end

-- A run that failed is an answer to HTTP, too.
function response(status, headers, body)
	if status ~= 201 or not body:find('"status":"succeeded"', 1, true) then
		wrong = wrong + 1
		if first == "" then
			first = status .. " " .. body:sub(1, 300)
		end
	end
end

function done(summary, latency, rates)
	local wrong, first = 0, ""
	for _, thread in ipairs(threads) do
		wrong = wrong + thread:get("wrong")
		if first == "" then
			first = thread:get("first")
		end
	end
	local e = summary.errors
	-- Timeouts are wrk's own: an answer after more than two seconds, which still is one.
	print(string.format('{"requests":%d,"wall_us":%d,"wrong":%d,"broken":%d,"p50":%.3f,' ..
		'"p95":%.3f,"p99":%.3f,"max":%.3f,"first":"%s"}',
		summary.requests, summary.duration, wrong, e.connect + e.read + e.write,
		latency:percentile(50) / 1000, latency:percentile(95) / 1000,
		latency:percentile(99) / 1000, latency.max / 1000,
		first:gsub('[%c"\\]', " ")))
end
