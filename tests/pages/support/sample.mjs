// Which of many cases a short run takes: others with each seed, all of them with LEASTPORT_TEST_LONG=1.
const SEED = Number(process.env.LEASTPORT_TEST_SEED ?? 0);

export function sample(cases, count) {
  const first = SEED % cases.length;
  return process.env.LEASTPORT_TEST_LONG === "1" ? cases : [...cases.slice(first), ...cases.slice(0, first)].slice(0, count);
}
