// What a debugger's copy of a process has: memory.mjs PID PATTERN prints each match in its writable memory, as far as a core
// would hold it (core(5): what madvise(2) excluded it does not), and "looked at N MiB" at the end.
import { closeSync, openSync, readFileSync, readSync } from "node:fs";

const [pid, pattern] = process.argv.slice(2);
const mappings = readFileSync(`/proc/${pid}/smaps`, "latin1").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
const memory = openSync(`/proc/${pid}/mem`, "r");
const step = 1 << 20;
let looked = 0;
for (const mapping of mappings) {
    const [, from, to, access] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(mapping);
    const resident = Number(/^Rss:\s+(\d+)/m.exec(mapping)?.[1] ?? 0);
    if (!access.startsWith("rw") || resident === 0 || /^VmFlags:.*\bdd\b/m.test(mapping)) {
        continue;
    }
    // Pieces overlap, so that nothing is cut in two.
    for (let at = BigInt(`0x${from}`); at < BigInt(`0x${to}`); at += BigInt(step)) {
        const left = Number(BigInt(`0x${to}`) - at);
        const bytes = Buffer.alloc(Math.min(step + 4096, left));
        const got = readSync(memory, bytes, 0, bytes.length, at);
        looked += Math.min(step, got);
        for (const match of bytes.subarray(0, got).toString("latin1").matchAll(new RegExp(pattern, "g"))) {
            console.log(match[0]);
        }
    }
}
closeSync(memory);
console.log(`looked at ${looked >> 20} MiB`);
