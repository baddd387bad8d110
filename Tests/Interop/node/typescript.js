// The client of the public TypeScript SDK (in the bundle of PyPI's playwright) against a relay.
// Prints one JSON object of what it saw; TypeScriptTests.swift asserts on it.
//   node typescript.js BUNDLE URL TOKEN TARGET PROGRAM DATA [http|stdio]
"use strict";
const [bundle, url, token, target, program, data, kind] = process.argv.slice(2);
const { Client, StreamableHTTPClientTransport, StdioClientTransport } = require(bundle);

const net = require("net");

const headers = { Authorization: `Bearer ${token}` };
const requests = []; // [method, status] of each HTTP request

async function watched(input, init) {
  const answer = await fetch(input, init);
  requests.push([init?.method ?? "GET", answer.status]);
  return answer;
}

// Passes connections on to the relay, so that all of them can be cut as a proxy's restart does.
const open = new Set();
const line = net.createServer((near) => {
  const far = net.connect(new URL(url).port, "127.0.0.1");
  for (const [from, to] of [[near, far], [far, near]]) {
    open.add(from);
    from.pipe(to);
    from.on("error", () => {});
    from.on("close", () => (open.delete(from), to.destroy()));
  }
});

function transport() {
  if (kind === "stdio")
    return new StdioClientTransport({ command: program, args: ["stdio", "--data", data] });
  return new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${line.address().port}/mcp`), { requestInit: { headers }, fetch: watched });
}

async function connect() {
  const way = transport();
  const client = new Client({ name: "tests", version: "1" });
  client.onerror = () => {}; // a GET that is refused or cut is reported here, too
  await client.connect(way);
  return [client, way];
}

const execute = (command, more = {}) => ({ name: "ssh_execute", arguments: { target, command, ...more } });
const until = async (condition) => {
  for (let n = 0; n < 500 && !condition(); n++) await new Promise((go) => setTimeout(go, 10));
};

async function main() {
  const report = {};
  await new Promise((go) => line.listen(0, "127.0.0.1", go));
  const [client, way] = await connect();
  report.server = client.getServerVersion()?.name;
  report.instructions = (client.getInstructions() ?? "").length > 0;
  // Checks every tool, and keeps its outputSchema: later results are held against it.
  const { tools } = await client.listTools();
  report.tools = tools.map((tool) => tool.name);
  const called = await client.callTool(execute("echo hi; exit 3"));
  report.call = called.structuredContent.results[0];
  const began = Date.now(), seen = [];
  await client.callTool(execute("for i in 1 2 3 4 5 6; do echo step $i; sleep 0.6; done"), undefined, {
    onprogress: (progress) => seen.push([Date.now() - began, progress.message]),
  });
  report.progress = { seen, took: Date.now() - began };
  const failed = await client.callTool({ name: "ssh_session_command", arguments: { session_id: "no", command: "true" } });
  report.failed = failed.isError;
  report.unknown = await client.callTool({ name: "none", arguments: {} }).then(() => null, (error) => error.code);
  report.resources = (await client.listResources()).resources.map((one) => one.uri);
  report.stats = JSON.parse((await client.readResource({ uri: "homeline://stats" })).contents[0].text).agents.length;
  // A call that the client gives up: the server is told, and others go on.
  const abort = new AbortController();
  const waiting = client.callTool(execute("sleep 20", { wait_s: 40 }), undefined, { signal: abort.signal });
  setTimeout(() => abort.abort("enough"), 300);
  report.cancelled = await waiting.then(() => "answered", (error) => String(error));
  report.after = (await client.callTool(execute("echo on"))).structuredContent.results[0].stdout;
  const many = await Promise.all([...Array(20).keys()].map((n) => client.callTool(execute(`echo ${n}`))));
  report.many = many.map((one) => one.structuredContent.results[0].stdout.trim());
  if (kind === "http") {
    await until(() => requests.some(([method]) => method === "GET"));
    report.stream = requests.find(([method]) => method === "GET");
    // Every connection is cut: the client opens its stream anew, and its session goes on.
    const streams = () => requests.filter(([method, status]) => method === "GET" && status === 200).length;
    const before = streams();
    for (const socket of open) socket.destroy();
    await until(() => streams() > before);
    const kept = (await client.callTool(execute("echo kept"))).structuredContent.results[0].stdout;
    report.reconnected = { streams: streams() - before, kept, requests: requests.filter(([, status]) => status >= 400) };
    report.version = way.protocolVersion;
    const first = way.sessionId;
    await way.terminateSession();
    report.deleted = requests.filter(([method]) => method === "DELETE").pop();
    // The session is gone; a client begins anew, as this one does on a new transport.
    report.gone = await client.listTools().then(() => null, (error) => error.code ?? String(error));
    await client.close();
    const [again, other] = await connect();
    report.again = { isNew: other.sessionId !== first, tools: (await again.listTools()).tools.length };
    await again.close();
  } else {
    await client.close();
  }
  console.log(JSON.stringify(report));
}

const limit = setTimeout(() => { console.error("too long"); process.exit(1); }, 60000);
main().then(() => { clearTimeout(limit); line.close(); }, (error) => { console.error(error); process.exit(1); });
