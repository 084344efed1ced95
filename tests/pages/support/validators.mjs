// What others say of the formats of exports, and where nobody does, what we wrote from their specifications.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(import.meta.url);
const Ajv2020 = require("ajv/dist/2020.js");
const addFormats = require("ajv-formats");

// The schema is of draft 4, which Ajv 6 still reads: the one that came with it.
export function sarifValidator() {
  const folder = require.resolve("@microsoft/jest-sarif/package.json");
  const Ajv = createRequire(folder)("ajv");
  const ajv = new Ajv({ schemaId: "id", unknownFormats: ["uri", "uri-reference"], meta: false });
  ajv.addMetaSchema(createRequire(folder)("ajv/lib/refs/json-schema-draft-04.json"));
  ajv._opts.defaultMeta = "http://json-schema.org/draft-04/schema";
  return ajv.compile(JSON.parse(readFileSync(join(folder, "../lib/schemas/sarif-2.1.0-rtm.5.json"), "utf8")));
}

// Two formats have no schema that others made and that a package carries: Ajv holds them against ours.
export function transcribed(name) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  return ajv.compile(JSON.parse(readFileSync(new URL(`../schemas/${name}.schema.json`, import.meta.url), "utf8")));
}
