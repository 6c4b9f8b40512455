// A listening test without a server: reads TEST (test.js), writes the rater's answers to a file that is downloaded.
"use strict";

const page = document.getElementById("page");
const told = document.getElementById("told");
const asked = Number(new URLSearchParams(location.search).get("form"));
const kept = `listening-${TEST.id}`;
let state = JSON.parse(localStorage.getItem(kept) || "null");
let form = state ? TEST.forms[state.form] : null;
let video = null, names = [], heard = new Set(), shown = 0;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

function show(title, ...parts) {
  const head = element("h1", { tabindex: "-1" }, title);
  page.replaceChildren(head, ...parts);
  document.getElementById("progress").value = form ? state.done / form.length : 0;
  told.textContent = "";
  head.focus();
}

function start() {
  const name = element("input", { type: "text", id: "rater", autocomplete: "off" });
  const begin = () => {
    const drawn = Number.isInteger(asked) && asked > 0 ? asked - 1 : Math.floor(Math.random() * TEST.forms.length);
    state = { form: drawn % TEST.forms.length, rater: name.value.trim() || crypto.randomUUID().slice(0, 8),
              started: new Date().toISOString(), done: 0, answers: [] };
    form = TEST.forms[state.form];
    trial();
  };
  show("Which music fits the film?",
    element("p", {}, `${form ? form.length : TEST.forms[0].length} short questions. Use headphones, in a quiet room, and ` +
      "do not change the volume after this page. There are no right answers: say what you hear."),
    element("p", {}, "Play this until the volume is comfortable."),
    ...player([TEST.level]),
    element("p", {}, element("label", { for: "rater" }, "Your name or a code (optional) "), name),
    element("p", { class: "soft" }, "Keys: 1, 2, 3 … play, space pauses, Tab and arrow keys answer, Enter goes on."),
    element("div", { class: "row" }, element("button", { class: "go", id: "next", click: begin }, "Begin")));
}

// One picture, several tracks: changing the track keeps the place, so that the same moment can be compared.
function player(files) {
  heard = new Set();
  video = element("video", { playsinline: true, controls: true, preload: "auto", src: `media/${files[0]}`,
                             "aria-label": "The film with the chosen music" });
  let current = 0;
  const mark = () => { heard.add(current); ready(); };
  video.addEventListener("playing", mark);
  const buttons = files.map((file, i) => element("button", { "aria-pressed": String(i === 0), "data-play": i, click: () => {
    const at = video.ended ? 0 : video.currentTime;
    if (i !== current) {
      current = i;
      video.src = `media/${file}`;
      video.currentTime = at;
      buttons.forEach((b, k) => b.setAttribute("aria-pressed", String(k === i)));
    }
    video.play();
  } }, files.length > 1 ? `Play ${names[i]}` : "Play"));
  return [video, element("div", { class: "row", role: "group", "aria-label": "Music" }, ...buttons)];
}

function scale(key, legend, options) {
  const boxes = options.map(([value, text]) => element("label", {},
    element("input", { type: "radio", name: key, value, change: () => ready() }), text));
  return element("fieldset", {}, element("legend", {}, legend), ...boxes);
}

function trial() {
  localStorage.setItem(kept, JSON.stringify(state));
  if (state.done >= form.length) return finish();
  const now = form[state.done];
  names = now.stimuli.map((_, i) => "ABCDEFGH"[i]);
  shown = performance.now();
  const questions = now.kind === "pair"
    ? [scale("pair", TEST.pair, names.map((name, i) => [i, name]))]
    : TEST.questions.flatMap(([key, text]) => names.map((name, i) =>
        scale(`${key}-${i}`, `${name}: ${text}`, TEST.points.map((word, k) => [k + 1, `${k + 1} ${word}`]))));
  show(`${state.done + 1} of ${form.length}: ${now.kind === "pair" ? TEST.pair : "Rate each"}`,
    ...player(now.stimuli.map((s) => `${s}.mp4`)), ...questions,
    element("div", { class: "row" },
      element("button", { class: "go", id: "next", disabled: true, click: answer }, "Next")));
  ready();
}

const chosen = (key) => document.querySelector(`input[name="${key}"]:checked`);

function ready() {
  const next = document.getElementById("next");
  if (!next || !form) return;
  const open = document.querySelectorAll("fieldset").length - document.querySelectorAll("fieldset input:checked").length;
  const unheard = form[state.done].stimuli.length - heard.size;
  next.disabled = open > 0 || unheard > 0;
  told.textContent = unheard > 0 ? `Play all of them (${unheard} left).` : open > 0 ? `${open} still to answer.` : "";
}

function answer() {
  const now = form[state.done];
  const common = { kind: now.kind, clip: now.clip, stimuli: now.stimuli,
                   seconds: Math.round(performance.now() - shown) / 1000 };
  if (now.kind === "pair") state.answers.push({ ...common, chosen: now.stimuli[Number(chosen("pair").value)] });
  else state.answers.push({ ...common, ratings: Object.fromEntries(TEST.questions.map(([key]) =>
    [key, now.stimuli.map((_, i) => Number(chosen(`${key}-${i}`).value))])) });
  state.done += 1;
  trial();
}

function finish() {
  const results = { test: TEST.id, seed: TEST.seed, form: state.form + 1, rater: state.rater, started: state.started,
                    finished: new Date().toISOString(), answers: state.answers };
  const url = URL.createObjectURL(new Blob([JSON.stringify(results, null, 1)], { type: "application/json" }));
  const file = `results-${TEST.id}-${state.rater.replace(/[^\w-]+/g, "_")}.json`;
  const again = () => { localStorage.removeItem(kept); location.reload(); };
  show("Thank you",
    element("p", {}, "Save your answers and send the file to whoever asked you."),
    element("div", { class: "row" }, element("a", { href: url, download: file, id: "save" }, `Save ${file}`)),
    element("div", { class: "row" }, element("button", { click: again }, "Start again with another rater")));
  document.getElementById("save").focus();
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input[type=text]") || event.ctrlKey || event.metaKey || event.altKey) return;
  const play = document.querySelector(`[data-play="${Number(event.key) - 1}"]`);
  const next = document.getElementById("next");
  if (play) play.click();
  else if (event.key === " " && video && !event.target.matches("button, input, a, video")) {
    event.preventDefault();
    if (video.paused) video.play(); else video.pause();
  } else if (event.key === "Enter" && next && !next.disabled && !event.target.matches("button, a")) next.click();
});

if (form) trial(); else start();
