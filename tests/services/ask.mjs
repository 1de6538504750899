// As `ask.py unix PATH`, in Node.

import http from "node:http";
import readline from "node:readline";

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function ask(path) {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: process.argv[2], path, agent }, (response) => {
      let text = "";
      response.on("data", (data) => (text += data));
      response.on("end", () => resolve(JSON.parse(text)));
    });
    request.on("error", reject);
    request.end();
  });
}

for await (const name of readline.createInterface({ input: process.stdin })) {
  console.log(`${name} ${(await ask(`/ask/${name}`)).pid}`);
}
