// The client of the public TypeScript SDK (in the bundle of PyPI's playwright) against the fixture.
// Prints one JSON object of what it saw; TypeScriptEverythingTests.swift asserts on it.
//   node everything.js BUNDLE PLACE     PLACE: a URL, or the path of the program for stdio
"use strict";
const net = require("net");
const [bundle, place] = process.argv.slice(2);
const { Client, StreamableHTTPClientTransport, StdioClientTransport } = require(bundle);

// Passes connections on to the fixture, so that all of them can be cut.
const open = new Set();
const line = net.createServer((near) => {
  const far = net.connect(new URL(place).port, "127.0.0.1");
  for (const [from, to] of [[near, far], [far, near]]) {
    open.add(from);
    from.pipe(to);
    from.on("error", () => {});
    from.on("close", () => (open.delete(from), to.destroy()));
  }
});
const requests = []; // method, Last-Event-ID and status of each HTTP request

async function watched(input, init) {
  const answer = await fetch(input, init);
  const last = new Headers(init?.headers).get("last-event-id");
  requests.push([init?.method ?? "GET", last, answer.status]);
  return answer;
}

async function main() {
  const report = {};
  const isHTTP = place.startsWith("http");
  await new Promise((go) => line.listen(0, "127.0.0.1", go));
  const way = isHTTP
    ? new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${line.address().port}/mcp`), { fetch: watched })
    : new StdioClientTransport({ command: place, args: [] });
  const client = new Client({ name: "tests", version: "1" });
  client.onerror = () => {}; // a cut stream is reported here
  const notices = [];
  client.fallbackNotificationHandler = async (one) => void notices.push(one);
  const methods = () => notices.map((one) => one.method);
  const until = async (condition) => {
    for (let n = 0; n < 500 && !condition(); n++) await new Promise((go) => setTimeout(go, 10));
  };
  const call = (name, options) => client.callTool({ name, arguments: {} }, undefined, options);
  await client.connect(way);
  report.server = client.getServerVersion()?.name;
  report.tools = (await client.listTools()).tools[0].name;
  report.text = (await call("test_simple_text")).content[0].text;

  const seen = [];
  await call("test_tool_with_progress", { onprogress: (one) => seen.push(one.progress) });
  report.progress = seen;

  await client.setLoggingLevel("info");
  await call("test_tool_with_logging");
  await until(() => notices.length >= 3);
  report.logs = notices.filter((one) => one.method === "notifications/message").map((one) => one.params.data);

  await client.subscribeResource({ uri: "test://watched-resource" });
  // Its standing stream may still be on its way.
  if (isHTTP) await until(() => requests.some(([method, , status]) => method === "GET" && status === 200));
  for (const what of ["tool_change", "resource_update"]) await call(`test_trigger_${what}`);
  await until(() => methods().length >= 5);
  report.told = methods().slice(3).sort();

  report.reconnected = (await call("test_reconnection")).content[0].text;
  if (isHTTP) {
    report.resumed = requests.filter(([, last]) => last).map(([method, , status]) => [method, status]);
    // The connection is lost in the middle of a call: what is left comes over another one.
    const steps = [];
    let isCut = false;
    const result = await call("test_tool_with_progress", {
      onprogress: (one) => {
        steps.push(one.progress);
        if (!isCut) for (const end of open) end.destroy();
        isCut = true;
      },
    });
    report.cut = [steps, result.content[0].text];
    await way.terminateSession();
  }
  await client.close();
  line.close();
  console.log(JSON.stringify(report));
  process.exit(0);
}

main().catch((error) => {
  console.error(error, JSON.stringify(requests));
  process.exit(1);
});
