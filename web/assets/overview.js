// The overview: how it stands, what is worst, what changed, who has not been seen.
import { severityBadge } from "./badge.js";
import { get, whoAmI } from "./api.js";
import { el, sentence, show } from "./dom.js";
import { changeItem, findingBadges, findingPlace, findingTitle, fixBox, foldChanges, formula, hostLink } from "./finding_part.js";
import { days, number, plural, when } from "./format.js";
import { listen } from "./live.js";
import { overdueCard, readOverdue } from "./overdue_part.js";
import { scoreHistory } from "./score_chart.js";
import { scoreCaps, scoreFacts, scoreFigure, scoreTerms } from "./score_part.js";
import { latestScans, run, showFreshness, showProgress, showsNothing } from "./state.js";
import { readToday, todayPart } from "./today_part.js";

const LATELY_DAYS = 3;
const CHANGES = 10;
const WORST = 5;

function severityTiles(groups) {
  const tile = (severity) => {
    const group = groups.find((one) => one.severity === severity);
    const age = group ? `open for ${plural(days(group.first_seen_mean), "day")} on average`.replace("for 0 days", "for less than a day")
      : "none open";
    return el("li", {}, el("a", { class: "tile", href: `/findings?severity=${severity}` }, severityBadge(severity),
      el("span", { class: "tile-count" }, number(group?.count ?? 0, 0)), el("span", { class: "tile-note" }, age)));
  };
  return el("section", { "aria-labelledby": "by-severity" },
    el("h2", { id: "by-severity", class: "visually-hidden" }, "Open findings by severity"),
    el("ul", { class: "tiles" }, ["critical", "high", "medium", "low"].map(tile)));
}

// Of the fleet; who is limited to realms is shown the worst of them, and the others beside it; who is limited to tags, no
// score, as none is made of a part of a realm.
async function readScores() {
  const { items: [fleet] } = await get("score", { scope: "fleet" });
  const realms = fleet ? [] : (await get("score", { scope: "realm", sort: "score", limit: 100 })).items;
  return { score: fleet ?? realms[0] ?? null, others: realms.slice(1), isLimited: (await whoAmI()).tags.length > 0 };
}

const standingOf = (score) => (score === null ? null : { scope: score.scope, subject: score.subject });
const ofWhat = (score) => (score.scope === "realm" ? `Score of ${score.subject} now` : "Score now");

function otherScores(others) {
  return others.length === 0 ? null : el("dl", { class: "facts" }, others.map((score) => el("div", {},
    el("dt", {}, el("a", { href: `/findings?realm=${encodeURIComponent(score.subject)}` }, score.subject)),
    el("dd", {}, `${number(score.score, 0)} of 100, grade ${score.grade}`))));
}

function noScoreCard(isLimited) {
  return el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", {}, "Score now")),
    isLimited ? el("p", {}, "You see a part of the fleet alone, and a score is made of a whole realm. Each ", el("a", { href: "/hosts" }, "host"), " has its own.")
      : el("p", { class: "quiet" }, "No score has been made yet."));
}

function scoreCard({ score, others, today, isLimited }, scans) {
  if (score === null) {
    return noScoreCard(isLimited);
  }
  const missed = scans.map((scan) => scan.missed.high ?? 0).reduce((sum, high) => sum + high, 0);
  return el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", {}, ofWhat(score))),
    scoreFigure(score), otherScores(others), todayPart(score, today), scoreCaps(score),
    scoreFacts(score, [["Open ports that may have been missed", missed < 1 ? "less than 1" : `up to ${Math.ceil(missed)}`]]),
    el("details", {}, el("summary", {}, "Every term of the score"), scoreTerms(score)));
}

// Open to the internet although the cloud's rules keep it out: one of both is wrong, which comes before all that is merely bad.
const CONTRADICTION = "undeclared-exposure";

function worstCard([worst, contradictions]) {
  const loudest = contradictions.items;
  const findings = [...loudest, ...worst.items.filter((one) => loudest.every((other) => other.uuid !== one.uuid))].slice(0, WORST);
  const items = findings.map((finding) => el("li", {}, findingBadges(finding), el("h3", {}, findingTitle(finding)),
    findingPlace(finding), el("p", { class: "prose" }, sentence(finding.why)), fixBox(finding), formula(finding)));
  return el("section", { class: "card" },
    el("div", { class: "card-head" }, el("h2", {}, "Worst exposures"), el("a", { href: "/findings" }, "All findings")),
    loudest.length > 0 && el("p", {}, "First what contradicts the cloud's own rules: ",
      el("a", { href: `/findings?kind=${CONTRADICTION}` }, "all such findings"), "."),
    items.length === 0 ? el("p", { class: "quiet" }, "Nothing is open that need not be.") : el("ol", { class: "worst" }, items));
}

function changesCard({ items, next_cursor: more }, since) {
  const changes = foldChanges(items);
  const rest = changes.length - CHANGES;
  return el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", {}, "Changed by the last audit"),
    el("a", { href: `/findings?${new URLSearchParams({ changed_since: since, sort: "-changed_at" })}` }, "All of them")),
  changes.length === 0
    ? el("p", { class: "quiet" }, "Nothing changed.")
    : el("ol", { class: "timeline" }, changes.slice(0, CHANGES).map(changeItem)),
  rest > 0 ? el("p", { class: "muted small" }, `And ${rest}${more === null ? "" : " or more"} others.`) : null);
}

function unseenCard(hosts) {
  const items = hosts.map((host) => el("li", {}, el("p", {}, hostLink(host)),
    el("p", { class: "small muted" }, `${host.realm} · last answer `, when(host.last_up))));
  return el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", {}, "Hosts not seen lately")),
    items.length === 0
      ? el("p", { class: "quiet" }, `Every host answered in the last ${LATELY_DAYS} days.`)
      : el("ul", { class: "timeline" }, items));
}

// What stands on the page and is made anew when something changes; null while there is nothing.
let parts = null;

const readNow = () => Promise.all([
  readScores().then(async (scores) => ({ ...scores, today: await readToday(standingOf(scores.score)) })),
  get("findings", { group_by: "severity" }),
  Promise.all([get("findings", { sort: "-penalty", limit: WORST }), get("findings", { kind: CONTRADICTION, sort: "-penalty", limit: WORST })]),
]);

async function load() {
  parts = null;
  const { all, audits, changing } = await latestScans();
  showFreshness(all);
  const [scores, groups, worst] = await readNow();
  // A cloud's rules are findings before anybody has scanned.
  if (await showsNothing(audits, groups.groups.length)) {
    return;
  }
  const [changes, unseen, overdue] = await Promise.all([
    changing.length === 0 ? { items: [], next_cursor: null } : get("changes", { scan: changing.slice(0, 100).map((scan) => scan.uuid).join(","), what: "presence,sight", turn: "opened,closed,otherwise", limit: 5 * CHANGES }),
    get("hosts", { last_up_before: new Date(Date.now() - LATELY_DAYS * 24 * 3600e3).toISOString(), sort: "last_up", limit: 8 }),
    readOverdue(),
  ]);
  const history = scores.score === null ? null : scoreHistory(scores.score.scope, scores.score.subject);
  parts = { score: scoreCard(scores, audits), tiles: severityTiles(groups.groups), worst: worstCard(worst) };
  show(el("div", { class: "stack" },
    el("div", { class: "columns columns-hero" }, parts.score, history?.card ?? null),
    parts.tiles,
    el("div", { class: "columns columns-even" }, parts.worst,
      el("div", { class: "stack" }, overdueCard(overdue), changesCard(changes, audits.map((scan) => scan.started_at).sort()[0] ?? scores.score?.first_at ?? ""), unseenCard(unseen.items)))));
  await history?.ready();
}

// A part takes the place of what it was, unless it says the same; what is unfolded stays so.
function exchange(name, made) {
  const old = parts[name];
  const isOpen = old.querySelector("details")?.open ?? false;
  const details = made.querySelector("details");
  if (details) {
    details.open = isOpen;
  }
  if (old.isEqualNode(made) || old.contains(document.activeElement)) {
    return;
  }
  old.replaceWith(made);
  parts[name] = made;
}

async function refresh() {
  if (parts === null) {
    await load();
    return;
  }
  const [{ all, audits }, [scores, groups, worst]] = await Promise.all([latestScans(), readNow()]);
  showFreshness(all);
  if (parts !== null) {
    exchange("score", scoreCard(scores, audits));
    exchange("tiles", severityTiles(groups.groups));
    exchange("worst", worstCard(worst));
  }
}

run(load).then(() => listen({ change: refresh, progress: showProgress }));
