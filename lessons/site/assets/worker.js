// The worker of the laboratory: Python in the browser, asked and answering in JSON.
// It is started as a classic worker made of text, since a page that is opened from a file can start no other; Pyodide
// takes it for a module worker once `importScripts` is out of sight.

Object.defineProperty(self, "importScripts", { value: undefined, configurable: true });

let python = null;
let parts = null;
let serial = 0;
let solver = false;
let libraries = null;
const HOME = "https://engine.invalid/";

const tell = (id, answer) => postMessage({ id, answer });

async function bytes(name) {
  const reply = await fetch(`data:application/octet-stream;base64,${parts[name]}`);
  return new Uint8Array(await reply.arrayBuffer());
}

async function unpacked(name) {
  const stream = new Blob([await bytes(name)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const address = (content) => URL.createObjectURL(new Blob([content], { type: "text/javascript" }));

async function start() {
  const [wasm, library, assembly] = [await unpacked("wasm"), await bytes("library"), await unpacked("assembly")];
  const { default: createPyodideModule } = await import(address(assembly));
  const { loadPyodide } = await import(address(await unpacked("loader")));
  const elsewhere = globalThis.fetch;
  globalThis.fetch = (where, ...rest) => {
    if (String(where).endsWith("pyodide.asm.wasm")) return Promise.resolve(new Response(wasm, { headers: { "content-type": "application/wasm" } }));
    if (String(where).endsWith("python_stdlib.zip")) return Promise.resolve(new Response(library));
    return elsewhere(where, ...rest);
  };
  const lockFileContents = new TextDecoder().decode(await unpacked("lock"));
  python = await loadPyodide({ indexURL: HOME, stdLibURL: `${HOME}python_stdlib.zip`, createPyodideModule, lockFileContents });
  libraries = python.runPython("import sysconfig; sysconfig.get_path('purelib')"); // what lies there is no reader's own code
  python.unpackArchive((await bytes("project")).buffer, "zip", { extractDir: libraries });
  python.runPython("import rollproof.lessons.worker as worker");
}

async function loadSolver() {
  if (solver) return;
  python.unpackArchive((await bytes("solver")).buffer, "zip", { extractDir: libraries });
  solver = true;
}

// Answer a request piece by piece; a later request of the same kind ends an earlier one between two pieces.
const latest = new Map();
async function answer(id, request) {
  const mine = ++serial;
  latest.set(request.op, mine);
  const answers = python.globals.get("worker").answers(JSON.stringify(request));
  try {
    for (;;) {
      await new Promise((resume) => setTimeout(resume));
      if (latest.get(request.op) !== mine) return tell(id, { kind: "superseded" });
      const next = answers.next();
      if (next.done) break;
      const told = JSON.parse(next.value);
      tell(id, told);
      if (told.kind === "searched" && request.proof !== false) await loadSolver();
    }
    tell(id, { kind: "done" });
  } finally {
    answers.destroy();
  }
}

onmessage = async ({ data }) => {
  try {
    if (data.parts) {
      parts = data.parts;
      await start();
      tell(0, { kind: "ready" });
    } else {
      await answer(data.id, data.request);
    }
  } catch (error) {
    tell(data.id ?? 0, { kind: "failed", text: `${error}`.slice(-400) });
  }
};
