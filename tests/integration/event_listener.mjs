// event_listener.mjs URL: listens to the events of a server as a browser does, with the token in TOKEN: comes back with
// the last id when the stream ends. Prints a line for each event: its name, its id and its data. Ends when it is refused.
const [url] = process.argv.slice(2);
let last = null;

function tell(block) {
  const of = (field) => block.split("\n").filter((line) => line.startsWith(`${field}: `)).map((line) => line.slice(field.length + 2)).join("\n");
  last = of("id") || last;
  if (of("event") !== "") {
    console.log(`${of("event")} ${of("id") || "-"} ${of("data")}`);
  }
}

async function listen() {
  const headers = { Authorization: `Bearer ${process.env.TOKEN}`, Accept: "text/event-stream", ...(last === null ? {} : { "Last-Event-ID": last }) };
  const response = await fetch(url, { headers });
  if (response.status === 401) {
    console.log("refused");
    process.exit(0);
  }
  if (response.status !== 200) {
    return;
  }
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop();
    blocks.forEach(tell);
  }
}

for (;;) {
  await listen().catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
}
