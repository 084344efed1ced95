// What a host's page says of each of its ports, declared and observed: the page's own module, without a browser. Prints a line for each host
// and port: "name | port | declared | observed | says".
//
//     declared_words.mjs URL TOKEN
const [site, token] = process.argv.slice(2);

// As much of a document as the module needs: elements with attributes and children.
globalThis.Node = class {
  constructor(tag) {
    Object.assign(this, { tag, attributes: {}, children: [] });
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  addEventListener() {} // nobody presses anything

  replaceChildren(...children) {
    this.children = children;
  }

  get text() {
    return this.children.map((child) => (child instanceof Node ? child.text : child)).join("");
  }

  all(tag) {
    return this.children.filter((child) => child instanceof Node).flatMap((child) => [...(child.tag === tag ? [child] : []), ...child.all(tag)]);
  }
};
globalThis.location = { hash: "" };
globalThis.document = { createElement: (tag) => new Node(tag) };
const { fetch } = globalThis;
globalThis.fetch = (path, options) => fetch(new URL(path, site), { ...options, headers: { ...options.headers, Authorization: `Bearer ${token}` } });

const { get } = await import("../../web/assets/api.js");
const { declaredCard } = await import("../../web/assets/reach_part.js");

for (const { uuid } of (await get("hosts", { limit: 500 })).items) {
  const [host, endpoints, findings] = await Promise.all([get(`hosts/${uuid}`),
    get("endpoints", { host: uuid, with_ended: "true", sort: "port", limit: 500 }), get("findings", { host: uuid, limit: 500 })]);
  const card = await declaredCard(host, endpoints.items, findings.items);
  const name = host.identities.find((one) => one.kind === "name" && one.valid_to === null)?.value ?? host.identities[0].value;
  for (const row of card?.all("tbody")[0]?.all("tr") ?? []) {
    const [port, ...cells] = [...row.all("th"), ...row.all("td")].map((cell) => cell.text);
    console.log([name, port, ...cells.slice(0, 3)].join(" | "));
  }
}
