// Requests that contradict themselves, that are cut wrongly or hold what none may, as bytes: [what it is, bytes, the status].
// Several carry a second request where one reader sees content and another sees what comes next.
export const request = (lines, body = "") => `${lines.join("\r\n")}\r\n\r\n${body}`;
export const get = (target, ...headers) => request([`GET ${target} HTTP/1.1`, ...headers]);

// Content that is read before it is known who sends it; behind it what a smuggler wants answered.
const login = (...headers) =>
  `${request(["POST /api/v1/session HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 2", ...headers])}{}` +
  get("/healthz", "Host: localhost");

export const hostile = [
  ["two Hosts", get("/healthz", "Host: localhost", "Host: evil.example"), 400],
  ["no Host", get("/healthz"), 400],
  ["a foreign Host (DNS rebinding)", get("/healthz", "Host: evil.example:8480"), 421],
  ["a Host that only begins like ours", get("/healthz", "Host: 127.0.0.1.evil.example"), 421],
  ["a Host that only ends like ours", get("/healthz", "Host: evillocalhost"), 421],
  ["Content-Length beside Transfer-Encoding", get("/healthz", "Host: localhost", "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n", 400],
  ["differing Content-Lengths", get("/healthz", "Host: localhost", "Content-Length: 5", "Content-Length: 6") + "helloX", 400],
  ["the same Content-Length twice", get("/healthz", "Host: localhost", "Content-Length: 5", "Content-Length: 5") + "hello", 400],
  ["a Content-Length that is no number", get("/healthz", "Host: localhost", "Content-Length: 5x") + "hello", 400],
  ["a Content-Length with a blank before its colon", get("/healthz", "Host: localhost", "Content-Length : 44") + get("/healthz", "Host: localhost"), 400],
  ["Transfer-Encoding with a blank before its colon", get("/healthz", "Host: localhost", "Transfer-Encoding : chunked") + get("/healthz", "Host: localhost"), 400],
  ["Transfer-Encoding folded, beside a length", login("Transfer-Encoding:\r\n chunked"), 400],
  ["Transfer-Encoding folded by a tab", login("Transfer-Encoding:\r\n\tchunked"), 400],
  ["Transfer-Encoding folded in the middle", login("Transfer-Encoding: chun\r\n ked"), 400],
  ["Transfer-Encoding folded twice", login("Transfer-Encoding:\r\n \r\n chunked"), 400],
  ["Transfer-Encoding behind a fold", login("X: y\r\n Transfer-Encoding: chunked"), 400],
  ["Transfer-Encoding behind a CR alone", login("X: y\rTransfer-Encoding: chunked"), 400],
  ["Transfer-Encoding behind a zero byte", login("X: y\0\r\nTransfer-Encoding: chunked"), 400],
  ["a zero byte before Transfer-Encoding's value", login("Transfer-Encoding: \0chunked"), 400],
  ["a field that is folded before the first", get("/healthz", " X: y", "Host: localhost"), 400],
  ["any field that is folded", get("/healthz", "Host: localhost", "X: y", " z"), 400],
  ["Host folded", get("/healthz", "Host:", " localhost"), 400],
  ["Content-Length folded", login("X: y").replace("Content-Length: ", "Content-Length:\r\n "), 400],
  ["a zero byte in the last value", get("/healthz", "Host: localhost", "X: a\0b"), 400],
  ["a zero byte in a value before", get("/healthz", "X: a\0b", "Host: localhost"), 400],
  ["a CR alone in a value", get("/healthz", "X: a\rb: c", "Host: localhost"), 400],
  ["lines that end by LF alone", get("/healthz", "X: a\nY: b", "Host: localhost"), 400],
  ["a sum of chunks beyond 64 bits", get("/healthz", "Host: localhost", "Transfer-Encoding: chunked") + "ffffffffffffffff1\r\nx\r\n0\r\n\r\n", 413],
  ["a list of Content-Lengths", get("/healthz", "Host: localhost", "Content-Length: 2, 2") + "{}", 400],
  ["a negative Content-Length", get("/healthz", "Host: localhost", "Content-Length: -5"), 400],
  ["content that is too large", get("/healthz", "Host: localhost", "Content-Length: 99999", "Content-Type: application/json"), 413],
  ["content without a length", get("/healthz", "Host: localhost", "Transfer-Encoding: chunked") + "5\r\nhello\r\n0\r\n\r\n", 413],
  ["content of a type nothing reads", get("/healthz", "Host: localhost", "Content-Length: 5", "Content-Type: text/xml") + "hello", 415],
  ["content where none is taken", get("/healthz", "Host: localhost", "Content-Length: 2", "Content-Type: application/json") + "{}", 400],
  ["a bad percent-encoding", get("/api/v1/findings?realm=%zz", "Host: localhost"), 400],
  ["a percent-encoding cut short", get("/api/v1/findings?realm=%e", "Host: localhost"), 400],
  ["an encoded NUL", get("/api/v1/findings?realm=a%00b", "Host: localhost"), 400],
  ["bytes that are no UTF-8", get("/api/v1/findings?realm=%ff%fe", "Host: localhost"), 400],
  ["an overlong encoding", get("/%c0%ae%c0%ae/etc/passwd", "Host: localhost"), 400],
  ["path traversal", get("/assets/../../../../etc/passwd", "Host: localhost"), 404],
  ["encoded path traversal", get("/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "Host: localhost"), 404],
  ["an absolute target", get("http://evil.example/healthz", "Host: localhost"), 400],
  ["a target of 9,000 bytes", get(`/${"a".repeat(9000)}`, "Host: localhost"), 414],
  ["41 parameters", get(`/api/v1/findings?${Array.from({ length: 41 }, (_, i) => `a${i}=1`).join("&")}`, "Host: localhost"), 414],
  ["101 header fields", get("/healthz", "Host: localhost", ...Array.from({ length: 101 }, (_, i) => `X-${i}: y`)), 431],
  ["40 KB of header fields", get("/healthz", "Host: localhost", `X: ${"y".repeat(40000)}`), 431],
];
