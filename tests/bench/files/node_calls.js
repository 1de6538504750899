// Calls of an LLM one after another over one kept TLS connection: node_calls.js URL COUNT. Prints how
// many nanoseconds of processor time each took of this process, which other work on the machine does
// not change much. The first ones are not counted: they are compiled meanwhile.
const https = require("https");

const [url, count] = [process.argv[2], Number(process.argv[3])];
const WARM = 200;
const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
const body = JSON.stringify({
  model: "gpt-4o-mini",
  messages: [{ role: "user", content: "x".repeat(900) }],
});
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };

function ask() {
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method: "POST", agent, headers }, (response) => {
      response.on("data", () => {});
      response.on("end", resolve);
    });
    request.on("error", reject);
    request.end(body);
  });
}

(async () => {
  let began;
  for (let index = 0; index < WARM + count; index++) {
    if (index === WARM) began = process.cpuUsage();
    await ask();
    // Some 2,000 a second at the most, with time for the agent in between.
    if (index % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const used = process.cpuUsage(began);
  console.log(((used.user + used.system) * 1000) / count);
  agent.destroy();
})();
