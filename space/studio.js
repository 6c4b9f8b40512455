// The studio: the film, its takes, the time line and the mixer. The server sends data; this file draws and plays it.
(() => {
  "use strict";
  const KEEP = { replace: "Music only", mix: "Keep it under the music", duck: "Keep it, music quiet under speech" };
  const FILES = {
    mp3: "Sound (MP3)", wav: "Sound (WAV)", stems: "Stems (WAV, zip)", editor: "Timeline for Premiere, Resolve, Final Cut (zip)",
    midi: "Notes (MIDI)", score: "Sheet music (MusicXML)", picture: "Picture of the plan", receipt: "Receipt",
    plan: "Plan (JSON)", project: "Project, to go on another day", link: "Link to watch, for a day",
  };
  const WAYS = { other: "other notes", sadder: "sadder", brighter: "brighter", fewer: "fewer notes", more: "more notes" };
  const MOODS = [[0.28, "sad"], [0.45, "pensive"], [0.6, "neutral"], [0.8, "hopeful"], [1, "happy"]]; // up to a level 0 to 1
  const NAMES = { melody: "Melody", chords: "Chords", pad: "Pad", bass: "Bass", percussion: "Drums", music: "Music" };
  const QUIETEST = -40; // dB; a fader at its lower end is silent
  const DRIFT = 0.06; // seconds that sound and pictures may lie apart
  const FADE = 0.02; // seconds between two takes
  const TOUCH = 44; // pixels of what a finger can hit
  const POINT = 24; // and of a chord that can be read
  const FINGER = window.matchMedia("(pointer: coarse)");
  const known = window.diffbgm;

  // --- small helpers -----------------------------------------------------------------------------------------------

  const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
  const titled = (role) => NAMES[role] ?? NAMES[role.replace(/-\d+$/, "")]?.concat(role.match(/-(\d+)$/)?.[1].padStart(2, " ") ?? "") ?? role;
  const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
  const seconds = (time) => time.split(":").reduce((sum, part) => 60 * sum + parseFloat(part), 0); // of "1:02.5"
  const power = (db) => (db <= QUIETEST ? 0 : 10 ** (db / 20));
  const bold = (text) => escape(text).replace(/\*\*(.+?)\*\*/g, "<b>$1</b>");
  const store = {
    get: (key) => { try { return sessionStorage.getItem(key) ?? localStorage.getItem(key); } catch { return null; } },
    set(key, value) {
      for (const box of [() => sessionStorage, () => localStorage]) try { box().setItem(key, value); } catch { /* full */ }
    },
    drop(key) {
      for (const box of [() => sessionStorage, () => localStorage]) try { box().removeItem(key); } catch { /* none */ }
    },
  };

  // --- sound -------------------------------------------------------------------------------------------------------

  // All that is heard: the stems of a take, and the film's own sound. `graph` builds the same for playing and testing.
  class Sound {
    constructor(video) {
      this.video = video;
      this.buffers = new Map(); // letter -> Promise of {role: AudioBuffer}
      this.playing = null;
    }

    wake() {
      if (!this.context) {
        this.context = new AudioContext({ latencyHint: "playback" });
        this.master = this.context.createGain();
        this.master.connect(this.context.destination);
        this.voice = this.context.createGain();
        this.context.createMediaElementSource(this.video).connect(this.voice).connect(this.master);
      }
      return this.context.resume();
    }

    // Every stem of a take, decoded; the four latest are kept.
    load(take) {
      if (!this.buffers.has(take.letter)) {
        while (this.buffers.size >= 4) this.buffers.delete(this.buffers.keys().next().value);
        const decode = async ([role, url]) => {
          const bytes = await (await fetch(url)).arrayBuffer();
          return [role, await new OfflineAudioContext(2, 1, 48000).decodeAudioData(bytes)];
        };
        const loading = Promise.all(take.stems.map(decode)).then(Object.fromEntries);
        loading.catch(() => this.buffers.delete(take.letter));
        this.buffers.set(take.letter, loading);
      }
      return this.buffers.get(take.letter);
    }

    static graph(context, target, take, buffers, mix, keep, at, from) {
      const bed = context.createGain();
      const base = keep === "replace" ? 1 : power(take.bed);
      const corners = keep === "duck" && take.duck.length ? take.duck : [[0, 0]];
      const level = (time) => {
        const next = corners.findIndex(([t]) => t > time);
        if (next <= 0) return corners[next === 0 ? 0 : corners.length - 1][1];
        const [[t0, a], [t1, b]] = [corners[next - 1], corners[next]];
        return a + ((b - a) * (time - t0)) / (t1 - t0);
      };
      bed.gain.setValueAtTime(base * 10 ** (level(at) / 20), from);
      for (const [time, db] of corners) {
        if (time > at) bed.gain.exponentialRampToValueAtTime(Math.max(1e-5, base * 10 ** (db / 20)), from + time - at);
      }
      bed.connect(target);
      const faders = {};
      const sources = Object.entries(buffers).map(([role, buffer]) => {
        const source = context.createBufferSource();
        source.buffer = buffer;
        faders[role] = context.createGain();
        faders[role].gain.value = heard(mix, role);
        source.connect(faders[role]).connect(bed);
        source.start(from, Math.min(at, buffer.duration));
        return source;
      });
      return { bed, faders, sources };
    }

    async start(take, mix, keep, original) {
      const turn = (this.turn = Symbol("turn"));
      await this.wake();
      const buffers = take && !original ? await this.load(take) : {};
      if (this.turn !== turn || this.video.paused) return; // meanwhile something else was asked for
      this.end();
      const now = this.context.currentTime;
      this.voice.gain.setTargetAtTime(original || !take || keep !== "replace" ? 1 : 0, now, 0.01);
      if (!take || original) return;
      const gate = this.context.createGain();
      gate.gain.setValueAtTime(0, now);
      gate.gain.linearRampToValueAtTime(1, now + FADE);
      gate.connect(this.master);
      const at = this.video.currentTime;
      this.playing = { gate, at, from: now, ...Sound.graph(this.context, gate, take, buffers, mix, keep, at, now) };
    }

    end() {
      if (!this.playing) return;
      const { gate, sources } = this.playing;
      const now = this.context.currentTime;
      gate.gain.cancelScheduledValues(now);
      gate.gain.setTargetAtTime(0, now, FADE / 3);
      sources.forEach((source) => source.stop(now + 4 * FADE));
      this.playing = null;
    }

    stop() {
      this.turn = null;
      this.end();
    }

    // Seconds that the sound is ahead of the pictures.
    get drift() {
      if (!this.playing) return 0;
      return this.playing.at + this.context.currentTime - this.playing.from - this.video.currentTime;
    }

    set(mix) {
      for (const [role, fader] of Object.entries(this.playing?.faders ?? {})) {
        fader.gain.setTargetAtTime(heard(mix, role), this.context.currentTime, 0.008);
      }
    }

    // The first seconds of what is heard of a take without the film's own sound, for comparing with what is exported.
    async offline(take, mix, seconds) {
      const context = new OfflineAudioContext(2, Math.round(48000 * seconds), 48000);
      Sound.graph(context, context.destination, take, await this.load(take), mix, "replace", 0, 0);
      return context.startRendering();
    }
  }

  const channel = (mix, role) => mix[role] ?? { db: 0, mute: false, solo: false };
  const silent = (mix, role) =>
    channel(mix, role).mute || (Object.values(mix).some((c) => c.solo) && !channel(mix, role).solo);
  const heard = (mix, role) => (silent(mix, role) ? 0 : power(channel(mix, role).db));

  // --- the element -------------------------------------------------------------------------------------------------

  class Studio extends HTMLElement {
    connectedCallback() {
      if (this.childElementCount) return;
      this.innerHTML = SHELL;
      this.lower = document.createElement("div");
      this.lower.className = "bgm-lower";
      this.video = this.$("video");
      this.sound = new Sound(this.video);
      this.project = null;
      this.data = { film: null, plan: null, takes: [] };
      this.view = { take: null, keep: null, mixes: {} };
      this.past = [];
      this.future = [];
      this.drawEmpty();
      this.listen();
    }

    $(selector) { return this.querySelector(selector) ?? this.lower.querySelector(selector); }
    get take() { return this.data.takes.find((t) => t.letter === this.view.take) ?? null; }
    get mix() { return this.view.mixes[this.view.take] ?? {}; }
    get keep() { return this.view.keep ?? { speech: "duck", sound: "replace" }[this.data.film?.sound] ?? "replace"; }
    get plan() { return this.take?.plan ?? this.data.plan; }

    start(server) {
      document.querySelector("#studio-lower")?.replaceWith(this.lower);
      this.server = server;
      known.studio = this;
      const knobs = known.waiting;
      if (knobs) this.turned(knobs);
      const id = store.get("bgm-project");
      if (!id) return;
      try { Object.assign(this.view, JSON.parse(store.get(`bgm-view`) ?? "{}")); } catch { /* of an older page */ }
      this.follow(id);
    }

    // --- talking to the server

    // The answer, or null: then `complain` has heard what is wrong.
    async command(op, data = {}, complain = (words) => this.say("bad", words)) {
      const visitor = store.get("bgm-visitor") ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
      store.set("bgm-visitor", visitor);
      const asked = { op, visitor, project: this.project, knobs: this.knobs, keep: this.keep, ...data };
      this.brought = false; // what comes now was asked for anew
      if (["open", "compose", "refine", "example"].includes(op)) this.composed = JSON.stringify(this.knobs);
      const answer = await this.server.command(asked);
      if (!answer) return complain("The server does not answer. Please try again."), null;
      if (answer.error) return complain(answer.error), null;
      if (op !== "open" && op !== "example") this.poll();
      return answer;
    }

    follow(id) {
      this.project = id;
      this.left = null;
      this.looks = 0; // for pictures that follow the first take
      this.content = null;
      store.set("bgm-project", id);
      return this.poll();
    }

    async poll() {
      clearTimeout(this.timer);
      const id = this.project;
      if (!id) return;
      const turn = (this.polling = Symbol("poll"));
      const answer = await this.server.look({ project: id, content: this.content });
      if (this.polling !== turn || this.project !== id) return;
      if (!answer) {
        this.say("line", "The line to the server dropped. This page tries again by itself.");
        this.timer = setTimeout(() => this.poll(), 2000);
        return;
      }
      if (answer.error) {
        this.forget();
        this.say("bad", answer.error);
        return;
      }
      const first = this.content === null;
      this.busy = answer.busy;
      if (answer.film !== undefined || answer.takes) this.receive(answer, first);
      this.content = answer.content;
      const { kind, words, share, stage } = answer.status;
      this.say(kind, words, answer.busy ? share : null, stage);
      this.refresh();
      if (!answer.busy && !this.data.film) { // the way is free for another one
        if (kind === "note") this.say("note", "Stopped. Choose a video to begin.");
        return this.forgetFilm();
      }
      if (answer.busy) this.timer = setTimeout(() => this.poll(), 200);
      else if (!this.data.film.stills.length && this.looks++ < 60) this.timer = setTimeout(() => this.poll(), 1000);
    }

    receive(answer, first) {
      const before = this.data.takes.map((t) => t.letter);
      const film = this.data.film;
      this.data = { film: answer.film, plan: answer.plan, takes: answer.takes };
      const fresh = answer.takes.filter((t) => !before.includes(t.letter));
      if (answer.film && (!film || film.url !== answer.film.url)) this.showFilm();
      if (answer.film) this.before = null;
      if (answer.film?.poster) this.video.poster = answer.film.poster;
      if (fresh.length && (!first || !this.take)) {
        if (before.length) this.remember();
        for (const take of fresh) {
          if (take.gains) this.view.mixes[take.letter] = Object.fromEntries(take.roles.map((role) => {
            const db = take.gains[role] ?? 0;
            return [role, { db: Math.max(QUIETEST, db), mute: db <= QUIETEST, solo: false }];
          }));
        }
        if (!this.brought) this.choose(fresh.at(first ? -1 : 0).letter, false); // of several the first is the best
      }
      this.brought = answer.busy && (this.brought || (!first && fresh.length > 0));
      if (this.eager && first && fresh.length) this.toggle();
      if (first) this.eager = false;
      if (answer.made && answer.made[1] !== this.fetched) {
        if (!first && this.fetched !== undefined) this.hand(answer.made[0]);
      }
      this.fetched = answer.made?.[1] ?? 0;
      const same = film && this.take && !fresh.length && before.length === answer.takes.length;
      if (same) this.drawFilm(); // what is selected or being typed stays
      else this.draw();
    }

    // A link to watch is shown, and copied where the browser allows it; a file is saved.
    hand(url) {
      if (!url.startsWith("watch/")) return this.save(url);
      const link = this.$(".bgm-watch a");
      link.href = link.textContent = new URL(url, document.baseURI).href;
      link.parentElement.hidden = false;
      link.scrollIntoView({ block: "nearest" });
      navigator.clipboard?.writeText(link.href).catch(() => {});
    }

    save(url) {
      const link = document.createElement("a");
      link.href = url;
      link.download = decodeURIComponent(url.split("/").pop());
      link.click();
    }

    forget() {
      this.project = null;
      clearTimeout(this.timer);
      store.drop("bgm-project");
      store.drop("bgm-view");
      this.sound.stop();
      this.video.removeAttribute("src");
      this.video.removeAttribute("poster");
      this.video.load();
      this.data = { film: null, plan: null, takes: [] };
      this.view = { take: null, keep: null, mixes: {} };
      this.past = [];
      this.future = [];
      this.busy = false;
      this.uploading = false;
      this.$(".bgm-watch").hidden = true;
      this.say("note", "");
      this.draw();
    }

    // --- a film comes in

    async bring(file) {
      if (/\.json$/i.test(file.name)) return this.restore(file);
      if (file.size > known.bytes) {
        const most = Math.round(known.bytes / 1e6);
        this.say("bad", `${(file.size / 1e6).toFixed(0)} MB; this page takes up to ${most} MB. Export it smaller.`);
        return;
      }
      if (this.project) await this.command("cancel");
      const before = this.project && this.data.takes.length ? { id: this.project, view: this.view } : null;
      this.forget();
      this.before = before; // until the new one can be looked at
      this.uploading = true;
      const playable = this.tryFilm(file);
      this.refresh();
      try {
        const path = await this.send(file);
        const answer = await this.command("open", { path, project: null, playable: await playable });
        if (answer) this.follow(answer.project);
        else this.forgetFilm();
      } catch (error) {
        if (error.message !== "cancelled") this.say("bad", error.message);
        else this.say("note", "Stopped. Choose a video to begin.");
        this.forgetFilm();
      }
      this.uploading = false;
      this.refresh();
    }

    // To a film that was open, and its takes; what is said stays.
    async comeBack({ id, view }) {
      const { kind } = this.$(".bgm-status").dataset;
      const words = this.$(".bgm-words").textContent;
      Object.assign(this.view, view);
      this.before = null;
      this.local = null;
      await this.follow(id);
      if (words && this.data.film) this.say(kind, words);
    }

    // A project file: a take of the film that is open.
    async restore(file) {
      if (!this.data.film) return this.say("bad", "Choose the video of this project first, then open the project.");
      if (this.busy) return this.say("bad", "Something runs: wait until it is done, or cancel it, then open the project.");
      try { await this.command("restore", { path: await this.send(file) }); }
      catch (error) { this.say("bad", error.message); }
    }

    forgetFilm() {
      const words = this.$(".bgm-words").textContent;
      const kind = this.$(".bgm-status").dataset.kind;
      const { before } = this;
      this.forget();
      this.say(kind, words);
      if (before) this.comeBack(before);
    }

    // Shows the file from here while it is sent; whether this browser can.
    tryFilm(file) {
      this.local = URL.createObjectURL(file);
      this.video.src = this.local;
      this.classList.add("has-film");
      return new Promise((resolve) => {
        this.video.addEventListener("loadedmetadata", () => resolve(this.video.videoWidth > 0), { once: true });
        this.video.addEventListener("error", () => resolve(false), { once: true });
        setTimeout(() => resolve(true), 8000);
      });
    }

    send(file) {
      return new Promise((resolve, reject) => {
        const request = (this.request = new XMLHttpRequest());
        const form = new FormData();
        form.append("files", file);
        request.open("POST", "gradio_api/upload");
        request.upload.onprogress = (e) => this.say("busy", "Sending your video", e.total ? e.loaded / e.total : 0);
        request.onload = () => {
          if (request.status === 200) return resolve(JSON.parse(request.responseText)[0]);
          let words = request.responseText;
          try { words = JSON.parse(words).detail ?? words; } catch { /* plain text */ }
          reject(new Error(String(words).slice(0, 300) || "The upload did not work. Please try again."));
        };
        request.onerror = () => reject(new Error("The upload broke off. Please try again."));
        request.onabort = () => reject(new Error("cancelled"));
        request.send(form);
        this.say("busy", "Sending your video", 0);
      });
    }

    showFilm() {
      const { film } = this.data;
      if (this.local && !film.proxy) return; // it plays from here already
      this.local = null;
      this.video.src = film.url;
    }

    // --- what is chosen, and undo

    remember() {
      this.past.push(JSON.stringify(this.view));
      if (this.past.length > 50) this.past.shift();
      this.future = [];
    }

    keepView() {
      store.set("bgm-view", JSON.stringify(this.view));
      this.refresh();
    }

    travel(from, to) {
      if (!from.length) return;
      to.push(JSON.stringify(this.view));
      this.view = JSON.parse(from.pop());
      if (!this.take) this.view.take = this.data.takes.at(-1)?.letter ?? null;
      this.keepView();
      this.draw();
      this.play();
    }

    undo() { this.travel(this.past, this.future); }
    redo() { this.travel(this.future, this.past); }

    choose(letter, mindful = true) {
      if (letter === this.view.take) return;
      if (mindful) this.remember();
      this.view.take = letter;
      this.original = false;
      if (this.take) this.sound.load(this.take);
      this.keepView();
      this.draw();
      this.play();
    }

    // The sound goes on from where the film is, with what is chosen now.
    play() {
      if (!this.video.paused) this.sound.start(this.take, this.mix, this.keep, this.original);
    }

    toggle() {
      if (!this.video.paused) return this.video.pause();
      this.sound.wake();
      if (this.video.ended || this.video.currentTime >= (this.data.film?.duration ?? 1e9) - 0.05) this.video.currentTime = 0;
      this.video.play().catch(() => { /* the film is not there yet */ });
    }

    seek(time) {
      const end = this.data.film?.duration ?? this.video.duration ?? 0;
      this.video.currentTime = Math.min(Math.max(time, 0), Math.max(0, end - 0.01));
      this.tick();
    }

    fade(role, change, done = true) {
      if (done) this.remember();
      const mix = { ...this.mix };
      mix[role] = { ...channel(mix, role), ...change };
      this.view.mixes = { ...this.view.mixes, [this.view.take]: mix };
      this.sound.set(mix);
      this.keepView();
    }

    gains() {
      const roles = this.take.stems.map(([role]) => role);
      if (roles.length === 1 && roles[0] === "music") {
        return Object.fromEntries(this.take.roles.map((role) => [role, channel(this.mix, "music").db]));
      }
      const out = {};
      for (const role of roles) {
        if (!silent(this.mix, role) && channel(this.mix, role).db > QUIETEST) out[role] = channel(this.mix, role).db;
      }
      return out;
    }

    export(kind) {
      this.command("export", { take: this.view.take, kind, gains: this.gains() });
    }

    // --- knobs, which are gradio's

    turned(knobs) {
      this.knobs = knobs;
      this.composed ??= JSON.stringify(knobs);
      if (this.data.takes.length && !this.busy && this.composed !== JSON.stringify(knobs)) {
        this.say("note", "Your settings have changed: the next take will have them.");
      }
      this.asks = {};
      this.drawCuts();
      clearTimeout(this.turning);
      this.turning = setTimeout(async () => {
        const answer = await this.server.turned({ knobs, keep: this.keep, project: this.project });
        if (!answer) return;
        this.drawNote(answer);
        if (this.project && !this.data.takes.length && !this.busy) this.poll();
      }, 250);
    }

    drawNote(answer) {
      const box = document.querySelector("#knob-note");
      if (!box) return;
      const area = document.querySelector("#text textarea, #text input");
      const find = (words) => area.value.match(
        new RegExp(`(?:\\b(?:no|without|not)\\s+)?${words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`, "iu"));
      const chips = (answer.chips ?? []).map(([words, about, meaning]) => `<li>${about ? `<small>${escape(about)}</small> ` : ""}
        <span>${escape(meaning)}</span>${find(words) ? `<button type="button" data-words="${escape(words)}"
        aria-label="Remove ${escape(words)}">×</button>` : ""}</li>`);
      const unread = answer.unread?.length ? `<p>Not understood: ${escape(answer.unread.join(", "))}</p>` : "";
      box.innerHTML = `${chips.length ? `<ul class="bgm-chips" aria-label="Understood">${chips.join("")}</ul>` : ""}${unread}
        ${(answer.conflicts ?? []).map((line) => `<p>${escape(line)}</p>`).join("")}
        <p class="note">${answer.error ? `⚠ ${escape(answer.error)}` : bold(answer.note)}</p>
        <button type="button" class="bgm-link">Copy a link to these settings</button>`;
      const link = `${location.origin}${location.pathname}${answer.query ? `?${answer.query}` : ""}`;
      if (!answer.error) this.address(answer.query);
      this.blame(answer.error ?? "");
      const button = box.querySelector(".bgm-link");
      button.dataset.link = link;
      button.onclick = async () => {
        try { await navigator.clipboard.writeText(link); button.textContent = "Copied"; }
        catch { button.textContent = link; }
      };
      box.querySelectorAll("[data-words]").forEach((chip) => {
        chip.onclick = () => {
          const said = find(chip.dataset.words);
          const [from, to] = said ? clause(area.value, said.index, said.index + said[0].length) : [0, 0];
          area.value = (area.value.slice(0, from) + area.value.slice(to))
            .replace(/\s+/g, " ").replace(/\s*,\s*(,\s*)*/g, ", ").replace(/^[,\s]+|[,\s]+$/g, "");
          area.dispatchEvent(new Event("input", { bubbles: true }));
        };
      });
    }

    // What is wrong with a field under More is said there as well, under its own name.
    blame(words) {
      document.querySelectorAll(".bgm-blame").forEach((line) => line.remove());
      const name = known.linked.find((one) => [`${one} `, `${one}: `, `${one.replace(/s$/, "")} '`].some((w) => words.startsWith(w)));
      const field = name && document.querySelector(`#knob-${name}`);
      if (!field) return;
      const label = field.querySelector("[data-testid=block-info]")?.textContent.trim();
      const line = document.createElement("p");
      line.className = "bgm-blame";
      line.textContent = `⚠ ${label && words.startsWith(`${name} `) ? label + words.slice(name.length) : words}`;
      field.append(line);
    }

    // Settings stand in the address of the page, so that loading it again keeps them.
    address(query) {
      const all = new URLSearchParams(location.search);
      for (const name of known.linked) all.delete(name);
      const text = [all.toString(), query].filter(Boolean).join("&");
      try { history.replaceState(history.state, "", `${location.pathname}${text ? `?${text}` : ""}${location.hash}`); }
      catch { /* in a frame that may not */ }
    }

    // --- listening to people

    listen() {
      const { video } = this;
      video.addEventListener("playing", () => { this.play(); this.run(); });
      video.addEventListener("seeked", () => { this.play(); this.tick(); });
      for (const name of ["pause", "waiting", "seeking", "emptied"]) video.addEventListener(name, () => this.sound.stop());
      for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => this.refresh());
      video.addEventListener("timeupdate", () => this.tick());
      video.addEventListener("loadedmetadata", () => this.tick());
      video.addEventListener("error", () => {
        if (this.project && this.data.film && !this.data.film.proxy && !this.local) this.wantsProxy = true;
        this.refresh();
      });
      const on = (root, type, act) => root.addEventListener(type, act);
      for (const root of [this, this.lower]) {
        on(root, "click", (event) => {
          const button = event.target.closest("[data-do]");
          if (button && !button.disabled) this.act(button.dataset.do, button);
        });
        on(root, "input", (event) => this.typed(event.target, false));
        on(root, "change", (event) => this.typed(event.target, true));
      }
      const zone = this.$(".bgm-drop");
      for (const type of ["dragover", "drop", "dragleave"]) {
        this.addEventListener(type, (event) => {
          event.preventDefault();
          zone.classList.toggle("over", type === "dragover");
          if (type === "drop" && event.dataTransfer.files.length) this.bring(event.dataTransfer.files[0]);
        });
      }
      document.addEventListener("keydown", (event) => this.key(event));
      document.addEventListener("pointerdown", (event) => {
        const menu = this.$(".bgm-out details[open]");
        if (menu && !menu.contains(event.target)) menu.open = false;
      });
      document.addEventListener("visibilitychange", () => { if (!document.hidden) this.poll(); });
      window.addEventListener("online", () => this.poll());
      this.lower.addEventListener("pointerdown", (event) => this.drag(event));
    }

    typed(input, done) {
      if (input.name === "project" && done && input.files.length) {
        this.restore(input.files[0]);
        input.value = "";
      } else if (input.id === "pick" && done && input.files.length) {
        this.bring(input.files[0]);
        input.value = "";
      } else if (input.name === "keep" && done) {
        this.remember();
        this.view.keep = input.value;
        this.keepView();
        this.play();
      } else if (input.name === "listen" && done) {
        this.original = input.value === "original";
        this.play();
      } else if (input.dataset.fader) {
        if (!done && !this.sliding) this.remember();
        this.sliding = !done;
        this.fade(input.dataset.fader, { db: Number(input.value) }, false);
      } else if (input.dataset.player && done && input.value) {
        const back = () => { if (input.isConnected) input.value = ""; };
        this.command("rearrange", { take: this.view.take, role: input.dataset.player, player: input.value })
          .then((begun) => { if (!begun) back(); });
      } else if (input.name === "first" || input.name === "last") {
        this.select(Number(this.$("[name=first]").value), Number(this.$("[name=last]").value), input.name);
      }
    }

    act(what, button) {
      const take = this.view.take;
      const acts = {
        play: () => this.toggle(),
        cancel: () => (this.uploading ? this.request?.abort() : this.command("cancel")),
        compose: () => this.command("compose", { count: 1 }),
        three: () => this.command("compose", { count: 3 }),
        refine: () => this.command("refine", { take }),
        rearrange: () => this.command("rearrange", { take }),
        retake: () => this.command("retake", { take, way: this.$("[name=way]").value, words: this.$("[name=words]").value, first: this.range[0], last: this.range[1] }),
        rest: () => {
          const [from, to] = [this.plan.bars[this.range[0] - 1], this.plan.bars[this.range[1]]].map((t) => t.toFixed(2));
          this.wish("rest", (old) => [...new Set([...old.split(/\s*;\s*/).filter(Boolean), `${from}-${to}`])].join("; "), `The music is asked to rest from ${from} to ${to} s.`);
        },
        loop: () => { this.looping = !this.looping; this.refresh(); },
        download: () => this.export(button.dataset.kind),
        example: async () => {
          if (this.project) await this.command("cancel");
          this.forget();
          const answer = await this.command("example", { index: Number(button.dataset.index), project: null });
          this.eager = true; // what is scored already plays at once
          if (answer) this.follow(answer.project);
        },
        new: async () => {
          if (this.busy) await this.command("cancel");
          const left = { id: this.project, view: this.view, name: this.data.film?.name };
          this.forget();
          this.left = left.name ? left : null;
          this.refresh();
          this.$("#pick").focus();
        },
        back: () => this.comeBack(this.left),
        take: () => this.choose(button.dataset.letter),
        mute: () => this.fade(button.dataset.role, { mute: !channel(this.mix, button.dataset.role).mute }),
        solo: () => this.fade(button.dataset.role, { solo: !channel(this.mix, button.dataset.role).solo }),
        chord: () => this.askChord(button),
        undo: () => this.undo(),
        redo: () => this.redo(),
      };
      acts[what]();
    }

    key(event) {
      const at = event.target;
      const command = event.ctrlKey || event.metaKey;
      const typing = at.closest?.("textarea, select, input:not([type=range]):not([type=radio]):not([type=checkbox])");
      if (event.key === "Escape" && !typing) this.leave();
      if (!this.data.film || typing) return;
      if (command && event.key.toLowerCase() === "z") {
        event.preventDefault();
        return event.shiftKey ? this.redo() : this.undo();
      }
      if (command || event.altKey) return;
      if (event.key === " " && !at.closest?.("button, summary, a, [role=button], label, input:not([type=range])")) {
        event.preventDefault();
        this.toggle();
      } else if (/^[1-9]$/.test(event.key)) {
        const take = this.data.takes[Number(event.key) - 1];
        if (take) this.choose(take.letter);
      } else if (at.closest?.("input")) {
        return; // arrows are for the slider or radio that has the focus
      } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
        event.preventDefault();
        this.step(event.key === "ArrowRight" ? 1 : -1, event.shiftKey ? this.plan?.bars : this.plan?.beats);
      } else if (event.key === "Home" || event.key === "End") {
        if (!at.closest?.("bgm-studio, .bgm-lower")) return;
        event.preventDefault();
        this.seek(event.key === "Home" ? 0 : this.data.film.duration);
      }
    }

    // Closes what is open: the menu of files, then the selected bars.
    leave() {
      const menu = this.$(".bgm-out details[open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      } else if (this.range) {
        this.range = null;
        this.looping = false;
        this.$(".bgm-selected").hidden = true;
        for (const name of ["first", "last"]) this.$(`[name=${name}]`).value = "";
        this.refresh();
      }
    }

    step(by, edges) {
      const now = this.video.currentTime;
      const next = by > 0 ? edges?.find((t) => t > now + 0.02) : edges?.findLast((t) => t < now - 0.02);
      this.seek(next ?? (by > 0 ? this.data.film.duration : 0));
    }

    // --- the time line under the pointer: a click seeks, a drag selects bars

    timeAt(event) {
      const box = this.$(".bgm-lanes").getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.plan.duration;
    }

    // The bar line nearest to the pointer, in seconds.
    barLine(event) {
      const time = this.timeAt(event);
      return this.plan.bars.reduce((best, t) => (Math.abs(t - time) < Math.abs(best - time) ? t : best));
    }

    barAt(time) {
      const after = this.plan.bars.findIndex((t) => t > time);
      return Math.min(Math.max(1, after < 0 ? this.plan.bars.length : after), this.plan.bars.length - 1);
    }

    drag(event) {
      const on = (kind) => event.target.closest(kind);
      if (!on(".bgm-lanes") || on("input") || event.button > 0) return;
      const border = on(".border");
      const from = { x: event.clientX, y: event.clientY, time: this.timeAt(event) };
      const track = on(".energy .track, .mood .track");
      const curve = track && !border ? this.drawCurve(event, track, on(".mood") ? this.moodCurve() : this.energyCurve()) : null;
      const lanes = this.$(".bgm-lanes");
      let moved = false;
      const move = (e) => {
        if (e.pointerId !== event.pointerId) return;
        if (!moved && Math.hypot(e.clientX - from.x, e.clientY - from.y) <= 6) return;
        if (!moved) lanes.setPointerCapture(event.pointerId); // only now: the click of a tap belongs to what lies there
        moved = true;
        if (border) border.style.left = percent(this.barLine(e), this.plan);
        else if (curve) curve.put(e);
        else if (this.take) {
          const [a, b] = [from.time, this.timeAt(e)].sort((p, q) => p - q);
          this.select(this.barAt(a), this.barAt(b));
        }
      };
      const up = (e) => {
        if (e.pointerId !== event.pointerId) return;
        for (const [type, act] of Object.entries(acts)) document.removeEventListener(type, act);
        if (e.type === "pointercancel") { // the finger scrolls
          if (border && moved) this.drawLower();
        } else if (!moved && on(".cut")) this.cycle(Number(on(".cut").dataset.time));
        else if (!moved && !on("[data-do]")) this.seek(this.timeAt(e));
        else if (moved && border) {
          const bar = this.plan.bars.indexOf(this.barLine(e));
          this.command("border", { take: this.view.take, section: Number(border.dataset.section), bar })
            .then((done) => { if (!done) this.drawLower(); });
        } else if (moved && curve) curve.done();
      };
      const acts = { pointermove: move, pointerup: up, pointercancel: up };
      for (const [type, act] of Object.entries(acts)) document.addEventListener(type, act);
    }

    // Writes into a knob, as if it was typed; the next take has it.
    async wish(name, change, words) {
      const find = () => document.querySelector(`#knob-${name} textarea, #knob-${name} input`);
      if (!find()) document.querySelector("#more button")?.click(); // gradio draws what lies under More when it is opened
      const has = () => String(this.knobs?.[known.asked[name]] ?? "").trim();
      const value = change(has());
      for (let i = 0; i < 100 && has() !== value; i += 1) {
        const field = i % 5 ? null : find(); // again: a field just drawn loses what is written before gradio listens to it
        if (field) {
          field.value = value;
          field.dispatchEvent(new Event("input", { bubbles: true }));
        }
        await new Promise((done) => setTimeout(done, 50));
      }
      if (has() === value) this.say("note", `${words} Make another take to hear it.`);
    }

    // What is asked of a cut: "must", "ignore" or nothing; what is asked of all counts where nothing is of this one.
    askedOf(time) {
      return this.asks?.[time] ?? this.asking((p) => Math.abs(seconds(p) - time) < 0.05) ?? this.askedOfAll();
    }

    askedOfAll() { return this.asking((p) => /^all$/i.test(p)) ?? ""; }

    // The knob of which a part fits.
    asking(fits) {
      const parts = (name) => String(this.knobs?.[known.asked[name]] ?? "").split(/[;,]/).map((p) => p.trim()).filter(Boolean);
      return ["ignore", "must"].find((name) => parts(name).some(fits));
    }

    // A click on a cut: must hit, ignore, free; where all are asked for one thing, the other, and back.
    async cycle(time) {
      const all = this.askedOfAll();
      const turns = all ? [all, { must: "ignore", ignore: "must" }[all]] : ["", "must", "ignore"];
      const next = turns[(turns.indexOf(this.askedOf(time)) + 1) % turns.length];
      this.asks = { ...this.asks, [time]: next };
      this.drawCuts();
      const part = time.toFixed(2);
      const words = {
        must: `The cut at ${part} s must fall on a beat.`, ignore: `The cut at ${part} s is ignored.`,
        "": `The cut at ${part} s is free again.`,
      }[next];
      for (const name of ["must", "ignore"]) {
        await this.wish(name, (old) => [...old.split(/\s*[;,]\s*/).filter((p) => p && !(Math.abs(seconds(p) - time) <= 0.05)),
          ...(next === name && next !== all ? [part] : [])].join("; "), words);
      }
    }

    drawFilm() {
      const track = this.$(".film .track");
      if (track) track.innerHTML = pictures(this.data.film, this.plan);
      this.refresh();
    }

    drawCuts() {
      for (const [i, mark] of this.lower.querySelectorAll(".cut").entries()) {
        const [time, met] = this.plan.cuts[i];
        const asked = this.askedOf(time);
        mark.className = `cut ${asked || (met ? "met" : "gone")}`;
        mark.textContent = { must: "!", ignore: "–" }[asked] ?? (met ? "●" : "×");
      }
    }

    // Another chord, typed in its place; what is none is said there.
    askChord(button) {
      const { start, end } = button.dataset;
      const [input, wrong] = ["input", "p"].map((tag) => document.createElement(tag));
      Object.assign(input, { className: "bgm-chord", value: button.textContent, spellcheck: false, autocapitalize: "off" });
      input.setAttribute("aria-label", `Chord at ${clock(start)}: type another, such as Am or F#m7`);
      input.setAttribute("aria-describedby", "bgm-wrong");
      Object.assign(wrong, { id: "bgm-wrong", className: "bgm-wrong", hidden: true });
      wrong.setAttribute("role", "alert");
      for (const part of [input, wrong]) part.style.setProperty("--left", button.style.left);
      const complain = (words) => {
        if (words) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
        wrong.textContent = words;
        wrong.hidden = !words;
      };
      button.after(input);
      button.closest(".lane").append(wrong);
      input.select();
      input.oninput = () => complain("");
      let over = false;
      const close = (stay) => {
        over = true; // what is taken away loses the focus, and is not asked again
        input.remove();
        wrong.remove();
        if (stay) button.focus();
      };
      const ask = async (stay) => {
        if (over || input.readOnly) return;
        const symbol = input.value.trim();
        if (!symbol || symbol === button.textContent) return close(stay);
        const wish = { take: this.view.take, start: Number(start), end: Number(end), symbol };
        input.readOnly = true; // until the server has read it
        const done = await this.command("chord", wish, complain);
        input.readOnly = false;
        if (done && input.isConnected) close(stay);
      };
      input.onblur = () => ask(false);
      input.onkeydown = (event) => {
        if (event.key === "Escape") close(true);
        if (event.key === "Enter") ask(true);
      };
    }

    // A curve as it is drawn with the pointer: a level 0 to 1 for a few points over the film.
    drawCurve(event, track, { name, level, done }) {
      const box = track.getBoundingClientRect();
      const count = Math.min(12, Math.max(3, this.plan.bars.length));
      this.drawn[name] ??= Array.from({ length: count }, (_, i) => level((this.plan.duration * i) / (count - 1)));
      const levels = this.drawn[name];
      const touched = new Set();
      const put = (e) => {
        const x = Math.min(1, Math.max(0, (e.clientX - box.left) / box.width));
        const at = Math.round(x * (count - 1));
        levels[at] = Math.min(1, Math.max(0, 1 - (e.clientY - box.top) / box.height));
        touched.add(at);
        let line = track.querySelector(".ghost");
        if (!line) {
          track.insertAdjacentHTML("beforeend", svg('<path class="ghost"/>', "curve"));
          line = track.querySelector(".ghost");
        }
        line.setAttribute("d", `M${levels.map((v, i) => `${(1000 * i) / (count - 1)} ${96 - 90 * v}`).join("L")}`);
      };
      return { put, done: () => done(levels, touched) };
    }

    // Fullness of the bars, asked for as the option `energy`.
    energyCurve() {
      const { bars, full, duration } = this.plan;
      const level = (time) => full[Math.min(Math.max(bars.findLastIndex((t) => t <= time), 0), full.length - 1)];
      const done = (levels) => this.wish("energy", () => levels.map((v, i) =>
        `${((duration * i) / (levels.length - 1)).toFixed(1)}:${v.toFixed(2)}`).join(" "), "The energy is drawn anew.");
      return { name: "energy", level, done };
    }

    // The mood, from dark below to bright above: asked for in words, as a `scene` for each stretch that was drawn.
    moodCurve() {
      const { bars, duration, sections } = this.plan;
      const level = (time) => 0.5 + 0.5 * (sections.findLast(([start]) => start <= time + 0.01)?.[3] ?? 0);
      const done = (levels, touched) => {
        const found = [];
        for (const at of [...touched].sort((a, b) => a - b)) {
          const words = MOODS.find(([below]) => levels[at] <= below)[1];
          const [from, to] = [at - 0.5, at + 0.5].map((p) => toBar(bars, (duration * p) / (levels.length - 1), duration));
          const last = found.at(-1);
          if (last && last[2] === words && from <= last[1]) last[1] = to;
          else if (to > from) found.push([Math.max(from, last?.[1] ?? 0), to, words]);
        }
        const asked = found.filter(([from, to]) => to > from);
        if (!asked.length) return;
        this.wish("scene", (old) => [...scenes(old).filter(([a, b]) => !asked.some(([from, to]) => a < to && b > from)), ...asked]
          .sort((p, q) => p[0] - q[0]).map(([from, to, words]) => `${from.toFixed(2)}-${to.toFixed(2)} ${words}`).join("; "),
        `${asked.map(([from, to, words]) => `${clock(from)} to ${clock(to)} ${words}`).join(", ")}.`);
      };
      return { name: "mood", level, done };
    }

    select(first, last, typed = "") {
      const bars = this.plan.bars.length - 1;
      let [a, b] = [first, last].map((n) => Math.min(Math.max(1, Math.round(n) || 1), bars));
      if (a > b) [a, b] = typed === "first" ? [a, a] : typed === "last" ? [b, b] : [b, a];
      this.range = [a, b];
      this.$("[name=first]").value = a;
      this.$("[name=last]").value = b;
      const mark = this.$(".bgm-selected");
      const [start, end] = [this.plan.bars[a - 1], this.plan.bars[b]];
      mark.style.left = `${(100 * start) / this.plan.duration}%`;
      mark.style.width = `${(100 * (Math.min(end, this.plan.duration) - start)) / this.plan.duration}%`;
      mark.hidden = false;
      this.refresh();
    }

    // --- drawing

    say(kind, words, share = null, stage = "") {
      const box = this.$(".bgm-status");
      box.dataset.kind = kind;
      box.dataset.stage = stage;
      const line = this.$(".bgm-words");
      if (line.textContent !== words) line.textContent = words;
      const bar = this.$(".bgm-bar");
      bar.hidden = share === null;
      bar.setAttribute("aria-valuenow", Math.round(100 * (share ?? 0)));
      bar.firstElementChild.style.width = `${100 * (share ?? 0)}%`;
      box.hidden = !words;
    }

    run() {
      cancelAnimationFrame(this.frame);
      let looked = 0;
      const frame = (now) => {
        this.tick();
        if (this.video.paused) return;
        const [a, b] = this.looping && this.range ? [this.plan.bars[this.range[0] - 1], this.plan.bars[this.range[1]]] : [];
        if (b !== undefined && this.video.currentTime >= b) this.seek(a);
        if (now - looked > 500) {
          looked = now;
          if (Math.abs(this.sound.drift) > DRIFT) this.play();
        }
        this.frame = requestAnimationFrame(frame);
      };
      this.frame = requestAnimationFrame(frame);
    }

    tick() {
      const duration = this.data.film?.duration ?? this.video.duration;
      const time = Math.min(this.video.currentTime, duration || 0);
      this.$(".bgm-time").textContent = `${clock(time)} / ${clock(duration || 0)}`;
      this.lower.style.setProperty("--at", `${(100 * time) / (duration || 1)}%`);
      const seek = this.$(".bgm-seek");
      seek.max = duration || 1;
      if (document.activeElement !== seek || !this.video.paused) seek.value = time;
      const scroll = this.$(".bgm-scroll");
      if (scroll && !this.video.paused && scroll.scrollWidth > scroll.clientWidth) { // the playing bar stays in sight
        const at = (scroll.scrollWidth * time) / (duration || 1) - scroll.scrollLeft;
        if (at < 0 || at > 0.9 * scroll.clientWidth) scroll.scrollLeft += at - 0.1 * scroll.clientWidth;
      }
    }

    // What depends on what runs and what is chosen, without drawing anew.
    refresh() {
      const { film, takes } = this.data;
      const busy = this.busy || this.uploading;
      const show = (selector, on) => { const part = this.$(selector); if (part) part.hidden = !on; };
      this.classList.toggle("has-film", Boolean(film || this.uploading || this.project));
      this.classList.toggle("has-take", takes.length > 0);
      show("[data-do=back]", this.left);
      if (this.left) this.$("[data-do=back]").textContent = `Back to ${this.left.name}`;
      show("[data-do=cancel]", busy);
      show("[data-do=compose]", film && !busy);
      this.$("[data-do=compose]").textContent = takes.length ? "Another take" : "Compose music";
      this.$("[data-do=compose]").classList.toggle("primary", !takes.length);
      show("[data-do=three]", takes.length && !busy);
      const finest = Number(this.knobs?.[known.steps] ?? 64);
      show("[data-do=refine]", this.take && !busy && this.take.steps < finest);
      show("[data-do=rearrange]", this.take && !busy);
      show(".bgm-out", this.take);
      this.querySelectorAll(".bgm-out button").forEach((button) => { button.disabled = Boolean(busy); });
      show(".bgm-voice", film && film.sound !== "none");
      show(".bgm-listen", this.take);
      this.querySelectorAll("[name=keep]").forEach((radio) => { radio.checked = radio.value === this.keep; });
      this.querySelectorAll("[name=listen]").forEach((radio) => {
        radio.checked = (radio.value === "original") === Boolean(this.original);
      });
      const playing = !this.video.paused;
      for (const button of this.querySelectorAll("[data-do=play]")) {
        button.setAttribute("aria-label", playing ? "Pause" : "Play");
        button.classList.toggle("on", playing);
      }
      this.$("[data-do=undo]").disabled = !this.past.length;
      this.$("[data-do=redo]").disabled = !this.future.length;
      this.drawCuts();
      const retake = this.$("[data-do=retake]");
      if (retake) {
        retake.disabled = Boolean(busy) || !this.range;
        this.$("[data-do=rest]").disabled = !this.range;
        const loop = this.$("[data-do=loop]");
        loop.disabled = !this.range;
        loop.setAttribute("aria-pressed", Boolean(this.looping));
      }
      for (const card of this.querySelectorAll("[data-do=take]")) {
        card.setAttribute("aria-pressed", card.dataset.letter === this.view.take);
      }
      for (const strip of this.lower.querySelectorAll(".bgm-channel")) {
        const { role } = strip.dataset;
        const { db, mute, solo } = channel(this.mix, role);
        strip.classList.toggle("silent", silent(this.mix, role));
        strip.querySelector("[data-do=mute]")?.setAttribute("aria-pressed", mute);
        strip.querySelector("[data-do=solo]")?.setAttribute("aria-pressed", solo);
        const fader = strip.querySelector("input");
        if (document.activeElement !== fader || Number(fader.value) !== db) fader.value = db;
        const words = db <= QUIETEST ? "silent" : `${db > 0 ? "+" : ""}${db.toFixed(1)} dB`;
        fader.setAttribute("aria-valuetext", words);
        strip.querySelector("output").textContent = words;
      }
      if (this.wantsProxy && this.project && !busy) {
        this.wantsProxy = false;
        this.command("proxy");
      }
    }

    draw() {
      this.drawTakes();
      this.drawLower();
      this.$(".bgm-title").textContent = this.data.film?.name ?? "";
      this.tick();
      this.refresh();
    }

    drawEmpty() {
      this.$(".bgm-examples").innerHTML = known.examples.map((e, i) => `<button type="button" data-do="example"
        data-index="${i}"><img src="${e.poster}" alt=""><b>${escape(e.title)}</b><span>${escape(e.caption)}</span></button>`).join("");
      const mb = Math.round(known.bytes / 1e6);
      this.$(".bgm-limits").textContent = `Up to ${Math.round(known.seconds / 60)} minutes and ${mb} MB`;
    }

    drawTakes() {
      this.$(".bgm-takes ol").innerHTML = this.data.takes.map((take, i) => `<li><button type="button" data-do="take"
        data-letter="${escape(take.letter)}" aria-pressed="false"><b>${escape(take.letter)}</b>${wave(take.peaks, 80)}
        <span>${escape(take.line)}</span><small>${take.steps < 32 ? "draft · " : ""}seed ${take.seed}${
        i < 9 ? `<i class="bgm-keys"> · press ${i + 1}</i>` : ""}</small></button></li>`).join("");
      this.$(".bgm-takes").hidden = !this.data.takes.length;
    }

    drawLower() {
      const { film } = this.data;
      const { plan, take } = this;
      this.range = null;
      this.drawn = {};
      this.looping = false;
      if (!film || !plan) { this.lower.innerHTML = ""; return; }
      this.lower.innerHTML = `<section class="bgm-line" aria-label="Time line">
        <h2>${take ? `Take ${escape(take.letter)}` : "The plan"}</h2>${facts(plan, take)}
        <div class="bgm-scroll"><div class="bgm-lanes" style="--wide:${width(plan)}px">${lanes(film, plan, take)}<i
          class="bgm-selected" hidden></i><i class="bgm-head"></i></div></div>
        ${take ? `<div class="bgm-part"><b>Change a part:</b> <label>bars <input type="number" name="first" min="1"
          max="${plan.bars.length - 1}" inputmode="numeric"></label> <label>to <input type="number" name="last" min="1"
          max="${plan.bars.length - 1}" inputmode="numeric"></label>
          <select name="way" aria-label="How">${Object.entries(WAYS).map(([way, words]) =>
            `<option value="${way}">${words}</option>`).join("")}</select>
          <input type="text" name="words" maxlength="300" aria-label="In your own words" placeholder="or: dark, dreamy">
          <button type="button" data-do="retake" disabled>Change these bars</button>
          <button type="button" data-do="rest" disabled>Rest here</button>
          <button type="button" data-do="loop" aria-pressed="false" disabled>Loop</button>
          <small>or drag over the ${FINGER.matches ? "numbers above the film" : "time line"}; everything else stays</small></div>` : ""}</section>
        ${take ? mixer(take) : ""}${reasons(film, plan)}`;
    }
  }

  // Where the words from one place to another end that go with them: a clause that tells a time is one thing.
  function clause(text, from, to) {
    const first = Math.max(...[",", ";", "\n"].map((end) => text.lastIndexOf(end, from - 1))) + 1;
    const last = [",", ";", "\n"].map((end) => text.indexOf(end, to)).filter((i) => i >= 0).concat(text.length);
    const end = Math.min(...last);
    return /\d/.test(text.slice(first, end)) ? [first, end] : [from, to];
  }

  // --- pictures ----------------------------------------------------------------------------------------------------

  // The bar line nearest to a time; the ends of the film are bar lines.
  const toBar = (bars, time, duration) => (time <= 0 ? 0 : [...bars.filter((t) => t < duration), duration]
    .reduce((best, t) => (Math.abs(t - time) < Math.abs(best - time) ? t : best)));
  // [from, to, words] of the option `scene`, times in seconds.
  const scenes = (text) => text.split(/\s*;\s*/).map((part) => part.match(/^([\d:.]+)\s*-\s*([\d:.]+)\s+(.+)$/))
    .filter(Boolean).map(([, from, to, words]) => [seconds(from), seconds(to), words]);
  const percent = (time, plan) => `${((100 * time) / plan.duration).toFixed(3)}%`;
  // Pixels of a time line on which a finger can hit every chord; there it scrolls.
  const width = (plan) => Math.ceil(((FINGER.matches ? TOUCH : POINT) * plan.duration) / Math.min(...plan.chords.map(([a, b]) => b - a), plan.duration));
  const svg = (inside, kind) =>
    `<svg class="${kind}" viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">${inside}</svg>`;
  const path = (points, kind) => `<path class="${kind}" d="M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}"/>`;

  function wave(peaks, bars) {
    const top = Math.max(...peaks, 1e-6);
    const size = peaks.length / bars;
    let d = "";
    for (let i = 0; i < bars; i += 1) {
      const high = 46 * (Math.max(...peaks.slice(Math.floor(i * size), Math.floor((i + 1) * size) + 1)) / top) + 1;
      d += `M${((i + 0.5) * 1000) / bars} ${50 - high}V${50 + high}`;
    }
    return svg(`<path d="${d}"/>`, "wave");
  }

  function pictures(film, plan) {
    const stills = film.stills.map(([a, b, url]) =>
      `<i class="still" style="left:${percent(a, plan)};width:${percent(b - a, plan)};background-image:url('${escape(url)}')"></i>`);
    const cuts = plan.cuts.map(([time, , words]) => `<i class="cut" data-time="${time}" style="left:${percent(time, plan)}"
      title="${escape(words)}; click: must hit, ignore, free"></i>`);
    return stills.join("") + cuts.join("");
  }

  function lanes(film, plan, take) {
    const x = (time) => (1000 * time) / plan.duration;
    const lane = (name, kind, inside, key = "") =>
      `<div class="lane ${kind}"><span class="name">${name}${key}</span><div class="track">${inside}</div></div>`;
    const every = Math.ceil(plan.bars.length / 24);
    const ruler = plan.bars.slice(0, -1).map((time, i) => (i % every ? "" :
      `<i style="left:${percent(time, plan)}">${i + 1}</i>`)).join("");
    const grid = `<path class="grid" d="${plan.bars.map((t) => `M${x(t).toFixed(1)} 0V100`).join("")}"/>`;
    const tones = [...new Set(plan.sections.map((s) => s[2]))];
    const sections = plan.sections.map(([a, b, label, valence]) => `<i class="part tone${tones.indexOf(label) % 4}"
      style="left:${percent(a, plan)};width:${percent(b - a, plan)}"><b>${escape(label)}</b> ${
      valence > 0.25 ? "bright" : valence < -0.25 ? "dark" : ""}</i>`).join("");
    const borders = plan.sections.slice(1).map(([a], i) => `<i class="border" data-section="${i + 1}" style="left:${percent(a, plan)}"
      title="Drag: the section begins elsewhere"></i>`).join("");
    const steps = plan.full.flatMap((v, i) => [[x(plan.bars[i]), 96 - 90 * v], [x(plan.bars[i + 1]), 96 - 90 * v]]);
    const full = path([[0, 100], ...steps, [1000, 100]], "full");
    const busy = path(plan.busy.map((v, i) => [(x(plan.bars[i]) + x(plan.bars[i + 1])) / 2, 96 - 90 * v]), "busy");
    const mood = (column) => film.mood.map((row) => [x(row[0]), 50 - 46 * row[column]]);
    let out = `<div class="ruler" aria-hidden="true">${ruler}</div>` + lane("Film", "film", pictures(film, plan));
    if (take) out += lane("Music", "sound", wave(take.peaks, 300) + svg(grid, "bars"));
    if (take) out += lane("Notes", "notes", svg(grid + notes(take.notes, x), "roll"),
      '<em class="melody">melody</em><em class="others">accompaniment</em>');
    if (plan.chords.length) out += lane("Chords", "chords", plan.chords.map(([a, b, symbol]) =>
      `<${take ? 'button type="button" data-do="chord"' : "i"} class="part" data-start="${a}" data-end="${b}" title="${take ? "Click: another chord" : ""}"
        style="left:${percent(a, plan)};width:${percent(b - a, plan)}">${escape(symbol)}</${take ? "button" : "i"}>`).join(""));
    out += lane("Sections and energy", "energy", svg(full + busy, "curve") + sections + (take ? borders : ""),
      '<em class="full">fullness</em><em class="busy">notes</em>');
    return out + lane("Mood of the pictures; drag for another", "mood",
      svg(`<path class="zero" d="M0 50H1000"/>${path(mood(1), "bright")}${path(mood(2), "lively")}`, "curve"),
      '<em class="bright">warm or gloomy</em><em class="lively">lively or calm</em>');
  }

  function notes(all, x) {
    if (!all.length) return "";
    const pitches = all.map((n) => n[2]);
    const low = Math.min(...pitches) - 1;
    const unit = 100 / (Math.max(...pitches) + 2 - low);
    return [0, 1].map((lead) => `<path class="${lead ? "melody" : "others"}" d="${all.filter((n) => n[3] === lead).map(
      ([start, length, pitch]) => `M${x(start).toFixed(1)} ${(100 - (pitch + 1 - low) * unit).toFixed(1)}h${
        Math.max(x(length) - 0.6, 0.8).toFixed(1)}v${(unit * 0.9).toFixed(1)}H${x(start).toFixed(1)}z`).join("")}"/>`).join("");
  }

  function facts(plan, take) {
    const players = take ? [...new Set(Object.values(take.players))].join(", ") : plan.palette;
    const met = plan.cuts.filter((c) => c[1]).length;
    const heeded = plan.cuts.filter((c) => c[3] !== "ignore").length;
    const [low, high] = plan.range;
    const list = [
      [plan.bpm, high - low < 2 ? "beats per minute" : `beats per minute (${low} to ${high})`], [plan.key, "key"],
      [plan.metre, "metre"], [plan.bars.length - 1, "bars"], [players, "instruments"],
      heeded ? [`${met} of ${heeded}`, "cuts on a beat"] : ["none", "cuts"],
    ];
    return `<dl class="bgm-facts">${list.map(([value, name]) =>
      `<div><dt>${escape(name)}</dt><dd>${escape(value)}</dd></div>`).join("")}</dl>`;
  }

  function mixer(take) {
    const strip = ([role]) => {
      const name = titled(role);
      const who = take.players[role] ?? "";
      const others = (known.players[role] ?? []).map((p) => `<option>${escape(p)}</option>`).join("");
      const player = others ? `<select data-player="${escape(role)}" aria-label="Who plays ${escape(name)}" title="Same notes, another player">
        <option value="" selected>${escape(who)}</option>${others}</select>` : `<small>${escape(who)}</small>`;
      return `<div class="bgm-channel" data-role="${escape(role)}" role="group" aria-label="${escape(name)}"><b>${escape(name)}${player}</b>
        ${take.stems.length > 1 ? `<button type="button" data-do="mute" data-role="${escape(role)}" aria-pressed="false"
          aria-label="Mute ${escape(name)}" title="Mute">M</button><button type="button" data-do="solo" data-role="${escape(role)}"
          aria-pressed="false" aria-label="Only ${escape(name)}" title="Only this one">S</button>` : ""}
        <input type="range" min="${QUIETEST}" max="6" step="0.5" data-fader="${escape(role)}" aria-label="Level of ${escape(name)}">
        <output></output></div>`;
    };
    return `<section class="bgm-mixer" aria-label="Mixer"><h2>Mixer</h2><div>${take.stems.map(strip).join("")}</div>
      <small>What you hear is what you download.</small></section>`;
  }

  function reasons(film, plan) {
    const list = (items) => `<ul>${items.map((i) => `<li>${escape(i[0].toUpperCase() + i.slice(1))}</li>`).join("")}</ul>`;
    const gone = plan.cuts.filter((c) => !c[1] && c[3] !== "ignore").map((c) => c[2]);
    return `<details class="bgm-why"><summary>Why it sounds like this</summary><h3>In the pictures</h3>${list(film.seen)}
      <h3>For the music</h3>${list(plan.why)}${gone.length ? `<h3>Cuts let go</h3>${list(gone)}` : ""}</details>`;
  }

  const radios = (name, choices) => Object.entries(choices).map(([value, words]) =>
    `<label><input type="radio" name="${name}" value="${value}"><span>${words}</span></label>`).join("");

  const SHELL = `
    <header class="bgm-top"><div><h1>Music for your video</h1><span class="bgm-title"></span></div><nav>
      <button type="button" data-do="undo" disabled>Undo</button><button type="button" data-do="redo" disabled>Redo</button>
      <button type="button" data-do="new">New video</button></nav></header>
    <div class="bgm-empty">
      <p class="lead">Your cuts fall on the beat, and the last note falls on the last frame.</p>
      <label class="bgm-drop" for="pick"><svg viewBox="0 0 48 48" aria-hidden="true"><path d="M24 32V10m-9 9 9-9 9 9M8 30v8h32v-8"/></svg>
        <b>Drop a video, or tap to choose</b><span class="bgm-limits"></span>
        <input type="file" id="pick" accept="video/*,.mkv,.avi,.mts,.m2ts,.ts,.mxf,.flv,.wmv,.3gp"></label>
      <button type="button" data-do="back" hidden></button>
      <h2>Or try one of these</h2><div class="bgm-examples"></div></div>
    <div class="bgm-film"><div class="bgm-screen"><video playsinline preload="auto" aria-label="Your video"></video>
        <button type="button" class="bgm-big" data-do="play" aria-label="Play"></button></div>
      <div class="bgm-transport"><button type="button" class="bgm-play" data-do="play" aria-label="Play"></button>
        <input type="range" class="bgm-seek" min="0" max="1" step="0.01" value="0" aria-label="Position in the film">
        <span class="bgm-time">0:00 / 0:00</span>
        <fieldset class="bgm-listen" hidden><legend>Listen</legend>${radios("listen", { music: "With music", original: "Original" })}</fieldset></div>
      <fieldset class="bgm-voice" hidden><legend>Your video has sound of its own</legend>${radios("keep", KEEP)}</fieldset></div>
    <div class="bgm-status" hidden data-kind="note"><p class="bgm-words" role="status" aria-live="polite"></p>
      <div class="bgm-bar" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100" hidden><i></i></div></div>
    <div class="bgm-do"><button type="button" class="stop" data-do="cancel" hidden>Cancel</button>
      <span class="bgm-out" hidden><button type="button" class="primary" data-do="download" data-kind="video">Download video</button>
        <details><summary>More files</summary><div>${Object.entries(FILES).map(([kind, name]) =>
          `<button type="button" data-do="download" data-kind="${kind}">${name}</button>`).join("")}
          <label class="bgm-open">Open a project<input type="file" name="project" accept=".json"></label>
          <p class="bgm-watch" hidden><a target="_blank" rel="noopener"></a></p></div></details></span>
      <button type="button" data-do="compose" hidden>Compose music</button>
      <button type="button" data-do="three" hidden>Three takes</button>
      <button type="button" data-do="refine" hidden>Refine this take</button>
      <button type="button" data-do="rearrange" hidden>Same notes, other instruments</button></div>
    <section class="bgm-takes" hidden aria-label="Takes"><h2>Takes</h2><ol></ol></section>`;

  known.turned = (knobs) => { known.waiting = knobs; known.studio?.turned(knobs); };
  customElements.define("bgm-studio", Studio);
})();
