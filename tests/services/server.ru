# An application behind Puma that asks a model twice for each request, with Net::HTTP. It logs as `hops.py` says, and hands on
# no headers.

require "json"
require "net/http"

MODEL = URI("#{ENV.fetch("LLM_URL")}/v1/chat/completions")
QUESTION = { model: "standin-script-slow", messages: [{ role: "user", content: "What is Lisbon like?" }] }.to_json
LOG = File.open("#{ENV.fetch("TRUTH")}/#{Process.pid}.jsonl", "a")
LOCK = Mutex.new

def now = Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)

def write(line)
  line = { **line, service: "server", pid: Process.pid, tid: Thread.current.native_thread_id, context: nil }
  LOCK.synchronize { LOG.write("#{line.to_json}\n"); LOG.flush }
end

def ends(socket) = { own: socket.local_address, peer: socket.remote_address }.transform_values { |end_| end_.ip_unpack }

# Each thread has a connection of its own, which it keeps.
def ask(parent, number)
  reference = "#{parent}.#{number}"
  start_ns = now
  connection = Thread.current[:connection] ||= Net::HTTP.start(MODEL.host, MODEL.port)
  sent = { "content-type" => "application/json", "x-request-ref" => reference }
  document = JSON.parse(connection.post(MODEL.path, QUESTION, sent).body)
  socket = connection.instance_variable_get(:@socket).io
  write(ref: reference, parent:, end: "out", path: MODEL.path, start_ns:, held_ns: now, end_ns: now, answer: document["id"], **ends(socket))
  document["choices"][0]["message"]["content"]
end

run(lambda do |environment|
  start_ns = now
  reference = environment.fetch("HTTP_X_REQUEST_REF")
  answer = (1..2).map { |number| ask(reference, number) }.last
  write(ref: reference, parent: nil, end: "in", path: environment["PATH_INFO"], start_ns:, end_ns: now, **ends(environment["puma.socket"]))
  [200, { "content-type" => "application/json" }, [{ answer: }.to_json]]
end)
