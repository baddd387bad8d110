// The client of the public TypeScript SDK (in the bundle of PyPI's playwright) against a relay.
// Prints one JSON object of what it saw; TypeScriptTests.swift asserts on it.
//   node typescript.js BUNDLE URL TOKEN TARGET PROGRAM DATA [http|stdio]
"use strict";
const [bundle, url, token, target, program, data, kind] = process.argv.slice(2);
const { Client, StreamableHTTPClientTransport, StdioClientTransport } = require(bundle);

const headers = { Authorization: `Bearer ${token}` };
const requests = []; // [method, status] of each HTTP request

async function watched(input, init) {
  const answer = await fetch(input, init);
  requests.push([init?.method ?? "GET", answer.status]);
  return answer;
}

function transport() {
  if (kind === "stdio")
    return new StdioClientTransport({ command: program, args: ["stdio", "--data", data] });
  return new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers }, fetch: watched });
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
  const [client, way] = await connect();
  report.server = client.getServerVersion()?.name;
  report.instructions = (client.getInstructions() ?? "").length > 0;
  // Checks every tool, and keeps its outputSchema: later results are held against it.
  const { tools } = await client.listTools();
  report.tools = tools.map((tool) => tool.name);
  const called = await client.callTool(execute("echo hi; exit 3"));
  report.call = called.structuredContent.results[0];
  const began = Date.now(), seen = [];
  await client.callTool(execute("for i in 1 2 3; do echo step $i; sleep 0.6; done"), undefined, {
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
main().then(() => clearTimeout(limit), (error) => { console.error(error); process.exit(1); });
