// Reads an AsyncAPI document with the official parser; says as JSON whether it is valid, and what is wrong with it.
const fs = require("fs");
const { createRequire } = require("module");

const [, , home, file] = process.argv;
const { Parser } = createRequire(`${home}/`)("@asyncapi/parser");

new Parser().parse(fs.readFileSync(file, "utf8")).then(({ document, diagnostics }) => {
  const found = diagnostics.map((one) => ({ severity: one.severity, code: one.code, where: one.path.join(".") }));
  console.log(JSON.stringify({ valid: document !== undefined, found }));
});
