// Runs a WASI program: node -e THIS PROGRAM FOLDER [ARGUMENT]...; the folder is /vectors to it.
const { readFileSync } = require("node:fs");
const { WASI } = require("node:wasi");
const [program, folder, ...rest] = process.argv.slice(1);
const wasi = new WASI({ version: "preview1", args: ["program", "/vectors", ...rest], preopens: { "/vectors": folder } });
const module_ = new WebAssembly.Module(readFileSync(program));
wasi.start(new WebAssembly.Instance(module_, wasi.getImportObject()));
