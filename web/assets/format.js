// Numbers and times for people.
import { el } from "./dom.js";

const DAY = 24 * 3600e3;
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const dayOnly = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const dayAndTime = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const steps = [["day", DAY], ["hour", 3600e3], ["minute", 60e3]];

export function ago(time) {
  const past = new Date(time).getTime() - Date.now();
  const [unit, length] = steps.find(([, size]) => Math.abs(past) >= size) ?? ["second", 1000];
  return unit === "second" ? "just now" : relative.format(Math.round(past / length), unit);
}

export function when(time) {
  return time === null ? "never" : el("time", { datetime: time, title: exact.format(new Date(time)) }, ago(time));
}

export function exactly(time) {
  return el("time", { datetime: time }, exact.format(new Date(time)));
}

export function moment(time) {
  return dayAndTime.format(new Date(time));
}

export function day(time) {
  return dayOnly.format(new Date(time));
}

export function days(time) {
  return Math.max(0, Math.round((Date.now() - new Date(time).getTime()) / DAY));
}

export function number(value, digits = 1) {
  return value === null ? "–" : Number(value).toLocaleString("en", { maximumFractionDigits: digits });
}

export function percent(value) {
  return value === null ? "–" : `${number(value * 100, 0)} %`;
}

export function plural(count, one, many = `${one}s`) {
  return `${number(count, 0)} ${count === 1 ? one : many}`;
}

export function hostLabel(host) {
  return host.name ?? host.address ?? host.uuid;
}

export function portLabel(thing) {
  // No listener has port 0: it stands for those that came and went, for all of a host of which every port accepts, or
  // for the rules of a network.
  const names = { "every-port": "every/", "ephemeral-listeners": "ephemeral/" };
  return thing.port !== 0 ? `${thing.port}/${thing.proto}` : thing.kind in names ? names[thing.kind] + thing.proto : "rules";
}
