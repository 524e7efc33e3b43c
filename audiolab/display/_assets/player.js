/* The listening player of audiolab: several versions of one sound, switched at one position.
 *
 * The page holds plain <audio> elements; without this script they are the player. The script decodes
 * all tracks into one AudioContext, starts them in the same sample and cross-fades between their
 * gains, so that a switch never moves the position. Where files cannot be fetched (file://) it
 * drives the <audio> elements instead. Gains are 0 or 1: levels stay true.
 */
(() => {
  "use strict";
  if (customElements.get("audiolab-player")) return; // a page holds this script once per output

  const FADE_S = 0.01; // equal-gain cross-fade between tracks
  const LEAD_S = 0.03; // all sources are scheduled this far ahead, to start in one sample
  const STEP_S = 1;
  const contexts = new Map(); // one context per sample rate: browsers allow only a few
  let sounding = null; // the one player that plays
  let lastUsed = null; // the one that gets keys while nothing has the focus

  /* ------------------------------------------------------------------------------- sound */

  // The tracks' own rate, so that decoding does not resample; else whatever the browser offers.
  function contextFor(rate) {
    if (!contexts.has(rate)) {
      try {
        contexts.set(rate, new AudioContext({ sampleRate: rate }));
      } catch {
        contexts.set(rate, new AudioContext());
      }
    }
    return contexts.get(rate);
  }

  async function bytesOf(source) {
    if (source.startsWith("data:")) {
      // atob, since the content policies of VS Code and Jupyter may forbid fetch("data:")
      const text = atob(source.slice(source.indexOf(",") + 1));
      return Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer;
    }
    const { href, protocol } = new URL(source, document.baseURI);
    if (protocol === "file:") throw new Error("pages may not read files");
    const answer = await fetch(href);
    if (!answer.ok) throw new Error(`${answer.status} for ${href}`);
    return answer.arrayBuffer();
  }

  // Fill up with silence to the longest track, so that all of them loop in step.
  function equalLengths(context, buffers) {
    const length = Math.max(...buffers.map((buffer) => buffer.length));
    return buffers.map((buffer) => {
      if (buffer.length === length) return buffer;
      const padded = context.createBuffer(buffer.numberOfChannels, length, context.sampleRate);
      for (let c = 0; c < buffer.numberOfChannels; c++) {
        padded.copyToChannel(buffer.getChannelData(c), c);
      }
      return padded;
    });
  }

  // Start every track at `when`, each through its own gain; only `active` is heard.
  function startAll(context, buffers, { when, offset, active, loop }) {
    return buffers.map((buffer, index) => {
      const source = new AudioBufferSourceNode(context, { buffer, loop });
      const gain = new GainNode(context, { gain: index === active ? 1 : 0 });
      source.connect(gain).connect(context.destination);
      source.start(when, offset);
      return { source, gain: gain.gain };
    });
  }

  function crossFade(voices, active, now) {
    voices.forEach(({ gain }, index) => {
      const from = gain.value;
      gain.cancelScheduledValues(now);
      gain.setValueAtTime(from, now);
      gain.linearRampToValueAtTime(index === active ? 1 : 0, now + FADE_S);
    });
  }

  class ExactSound {
    constructor(context, buffers, onEnd) {
      Object.assign(this, { context, onEnd, exact: true, voices: null, at: 0, since: 0 });
      this.buffers = equalLengths(context, buffers);
      this.duration = this.buffers[0].duration;
      this.loop = false;
      this.active = 0;
    }

    position() {
      if (!this.voices) return this.at;
      const now = this.at + Math.max(0, this.context.currentTime - this.since);
      return this.loop ? now % this.duration : Math.min(now, this.duration);
    }

    play(position) {
      this.stop();
      this.context.resume();
      this.at = position;
      this.since = this.context.currentTime + LEAD_S;
      const { active, loop } = this;
      const plan = { when: this.since, offset: position, active, loop };
      const voices = (this.voices = startAll(this.context, this.buffers, plan));
      voices[0].source.onended = () => {
        if (this.voices !== voices) return; // stopped by hand, or started again
        this.voices = null;
        this.at = this.duration;
        this.onEnd();
      };
    }

    stop() {
      if (!this.voices) return;
      this.at = this.position();
      const voices = this.voices;
      this.voices = null;
      crossFade(voices, -1, this.context.currentTime); // no click when the sound is cut
      for (const { source } of voices) source.stop(this.context.currentTime + FADE_S);
    }

    select(index) {
      this.active = index;
      if (this.voices) crossFade(this.voices, index, this.context.currentTime);
    }

    setLoop(loop) {
      this.at = this.position(); // count on from here, under the new rule
      this.since = Math.max(this.since, this.context.currentTime);
      this.loop = loop;
      for (const { source } of this.voices || []) source.loop = loop;
    }
  }

  // The fallback: <audio> elements, the heard one exchanged for another at its time.
  class ElementSound {
    constructor(elements, duration, onEnd) {
      Object.assign(this, { elements, duration, exact: false, playing: false, at: 0 });
      this.loop = false;
      this.active = 0;
      for (const element of elements) {
        element.addEventListener("ended", () => {
          if (!this.playing || element !== this.elements[this.active]) return;
          if (this.loop) return this.play(0);
          this.playing = false;
          this.at = this.duration;
          onEnd();
        });
      }
    }

    position() {
      return this.playing ? this.elements[this.active].currentTime : this.at;
    }

    play(position) {
      this.playing = true;
      const element = this.elements[this.active];
      element.currentTime = position;
      element.play().catch(() => {}); // a pause may overtake the start
    }

    stop() {
      this.at = this.position();
      this.playing = false;
      this.elements[this.active].pause();
    }

    select(index) {
      const [was, at] = [this.playing, this.position()];
      if (was) this.stop();
      this.active = index;
      if (was) this.play(at);
    }

    setLoop(loop) {
      this.loop = loop;
    }
  }

  /* --------------------------------------------------------------------------------- page */

  function make(tag, properties = {}, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  const letter = (index) => String.fromCharCode(65 + index);
  const clock = (s) => `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, "0")}`;

  function shuffled(count) {
    const order = [...Array(count).keys()];
    for (let i = count - 1; i > 0; i--) {
      const j = Math.floor(Math.random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  // Probability of at least `right` hits in `total` guesses among `choices`.
  function chanceOf(right, total, choices) {
    const hit = 1 / choices;
    let term = (1 - hit) ** total;
    let tail = right === 0 ? term : 0;
    for (let k = 1; k <= total; k++) {
      term *= ((total - k + 1) / k) * (hit / (1 - hit));
      if (k >= right) tail += term;
    }
    return Math.min(1, tail);
  }

  class Player extends HTMLElement {
    connectedCallback() {
      if (document.readyState === "loading" && !this.querySelector("figcaption")) {
        document.addEventListener("DOMContentLoaded", () => this.build(), { once: true });
      } else {
        this.build();
      }
    }

    disconnectedCallback() {
      this.pause();
    }

    build() {
      if (this.rows) return;
      this.rows = [...this.querySelectorAll(".al-track")];
      this.elements = this.rows.map((row) => row.querySelector("audio"));
      this.duration = Math.max(...this.rows.map((row) => Number(row.dataset.duration)));
      this.names = this.rows.map((row) => row.querySelector(".al-name").textContent);
      this.choice = 0; // the chosen row, or "x"
      this.at = 0; // the position while nothing is loaded
      this.loop = this.playing = this.blind = false;
      this.order = this.rows.map((_, index) => index);

      this.picks = this.rows.map((row, index) => {
        const name = row.querySelector(".al-name");
        const pick = make("button", { type: "button", className: "al-pick" });
        name.replaceWith(pick);
        if (this.rows.length > 1) pick.append(make("kbd", { textContent: index + 1 }));
        pick.append(name);
        pick.onclick = () => this.choose(index);
        const picture = row.querySelector(".al-picture");
        if (picture) {
          picture.append(make("span", { className: "al-cursor" }));
          picture.onpointerdown = (event) => this.point(event, picture, index);
          picture.onpointermove = (event) => event.buttons & 1 && this.point(event, picture, index);
        }
        return pick;
      });
      this.cursors = [...this.querySelectorAll(".al-cursor")];
      this.buildBar();
      this.buildBlind();
      this.addEventListener("keydown", (event) => this.key(event));
      for (const kind of ["focusin", "pointerdown"]) {
        this.addEventListener(kind, () => (lastUsed = this));
      }
      // JupyterLab would take digits and letters for its own commands.
      this.dataset.lmSuppressShortcuts = "true";
      this.classList.add("al-ready");
      this.show();
      this.move();
    }

    buildBar() {
      const button = (text, onclick, label) =>
        make("button", { type: "button", textContent: text, onclick, title: label });
      this.playButton = button("", () => this.toggle(), "Play or pause (space)");
      this.playButton.className = "al-play";
      this.slider = make("input", { type: "range", min: 0, max: this.duration, step: 0.01 });
      this.slider.setAttribute("aria-label", "Position");
      this.slider.oninput = () => this.seek(Number(this.slider.value));
      this.time = document.createTextNode("");
      const total = ` / ${clock(this.duration)}`;
      const time = make("span", { className: "al-time" }, this.time, total);
      this.loopButton = button("Loop", () => this.setLoop(!this.loop), "Repeat (L)");
      this.blindButton = button("Blind", () => this.setBlind(!this.blind), "Hide the names (B)");
      this.blindButton.hidden = this.rows.length < 2;
      this.status = make("span", { className: "al-status" });
      this.status.setAttribute("role", "status"); // a polite live region
      const bar = make("div", { className: "al-bar" });
      bar.append(this.playButton, this.slider, time, this.loopButton, this.blindButton);
      const keys = `space, ${this.rows.length > 1 ? `1–${this.rows.length}, ` : ""}← →, L${this.rows.length > 1 ? ", B" : ""}`;
      const hint = make("span", { className: "al-keys", textContent: `Keys: ${keys}` });
      const foot = make("div", { className: "al-foot" }, this.status, hint);
      this.querySelector(".al-tracks").after(bar, foot);
    }

    buildBlind() {
      const button = (textContent, onclick) => make("button", { type: "button", textContent, onclick });
      this.xButton = button("X", () => this.choose("x"));
      this.xButton.title = "One of the letters, drawn anew after each answer (X)";
      this.answers = this.rows.map((_, i) => button(`X is ${letter(i)}`, () => this.answer(i)));
      this.tally = make("span", { className: "al-tally" });
      const reveal = button("Reveal", () => this.setBlind(false));
      this.panel = make("div", { className: "al-blind", hidden: true });
      this.panel.setAttribute("role", "group");
      this.panel.setAttribute("aria-label", "Blind test");
      this.panel.append(this.xButton, ...this.answers, reveal, this.tally);
      this.querySelector(".al-tracks").after(this.panel);
    }

    /* What is heard */

    load() {
      this.loading ??= (async () => {
        const done = () => this.ended();
        try {
          const context = contextFor(Number(this.dataset.rate));
          const decode = async (element) =>
            context.decodeAudioData(await bytesOf(element.getAttribute("src")));
          this.sound = new ExactSound(context, await Promise.all(this.elements.map(decode)), done);
        } catch {
          // file:// pages may not fetch: the elements still play what they may not read
          this.sound = new ElementSound(this.elements, this.duration, done);
        }
        this.sound.setLoop(this.loop);
      })();
      return this.loading;
    }

    get track() {
      return this.choice === "x" ? this.x : this.order[this.choice];
    }

    get position() {
      return this.playing && this.sound ? this.sound.position() : this.at;
    }

    async play() {
      if (this.playing) return;
      if (sounding && sounding !== this) sounding.pause();
      sounding = this;
      this.playing = true;
      if (this.at >= this.duration - 0.005) this.at = 0;
      this.show();
      // Browsers open the sound only inside a gesture, and decoding may outlast it.
      contextFor(Number(this.dataset.rate)).resume();
      this.say("Loading");
      await this.load();
      if (!this.playing) return; // paused while loading
      this.sound.select(this.track);
      this.sound.play(this.at);
      this.say(this.sound.exact ? "Playing" : "Playing (switching is approximate here)");
      this.tick();
    }

    pause() {
      if (!this.playing) return;
      this.at = this.position;
      this.playing = false;
      if (this.sound) this.sound.stop();
      this.say("Paused");
      this.show();
      this.move();
    }

    ended() {
      this.playing = false;
      this.at = this.duration;
      this.say("Ended");
      this.show();
      this.move();
    }

    toggle() {
      return this.playing ? this.pause() : this.play();
    }

    seek(position) {
      this.at = Math.min(Math.max(position, 0), this.duration);
      if (this.playing && this.sound) {
        this.sound.stop();
        this.sound.play(Math.min(this.at, this.duration - 0.001));
      }
      this.move();
    }

    choose(slot, start = true) {
      this.choice = slot;
      if (this.sound) this.sound.select(this.track);
      this.show();
      if (this.playing) this.say("Playing");
      else if (start) return this.play();
    }

    point(event, picture, index) {
      const box = picture.getBoundingClientRect();
      event.preventDefault();
      this.picks[index].focus({ preventScroll: true });
      if (index !== this.choice) this.choose(index, false);
      this.seek(((event.clientX - box.left) / box.width) * this.duration);
    }

    setLoop(loop) {
      this.loop = loop;
      if (this.sound) this.sound.setLoop(loop);
      this.say(loop ? "Loop on" : "Loop off");
      this.show();
    }

    /* Blind test: letters in a secret order, and X, which is one of them */

    async setBlind(blind) {
      if (blind) {
        await this.load();
        if (!this.sound.exact) return this.say("The blind test needs this page on http");
        this.right = this.total = 0;
        this.tally.textContent = "Which letter is X?";
      }
      const told = this.order.map((track, i) => `${letter(i)} is ${this.names[track]}`).join(", ");
      const score = `${told}. ${this.score()}`;
      this.blind = blind;
      const heard = this.track;
      this.order = blind ? shuffled(this.rows.length) : this.rows.map((_, index) => index);
      this.draw();
      this.choice = blind ? 0 : heard;
      this.sound.select(this.track);
      this.show();
      this.say(blind ? "Blind test: names are hidden" : score);
    }

    draw() {
      this.x = Math.floor(Math.random() * this.rows.length);
    }

    answer(slot) {
      this.total += 1;
      if (this.order[slot] === this.x) this.right += 1;
      this.draw();
      if (this.sound) this.sound.select(this.track);
      // The score stays hidden until the end: to stop when it looks good would spoil the p-value.
      this.tally.textContent = `${this.total} answered; X is drawn anew`;
    }

    score() {
      if (!this.total) return "No answer was given.";
      const p = chanceOf(this.right, this.total, this.rows.length);
      const shown = p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`;
      return `${this.right} of ${this.total} right; guessing does as well with ${shown}.`;
    }

    /* What is seen */

    say(text) {
      const name = this.choice === "x" ? "X" : this.blind ? letter(this.choice) : this.names[this.choice];
      const named = /^(Playing|Paused|Loading)/.test(text) && this.rows.length > 1;
      this.status.textContent = named ? `${text}: ${name}` : text;
    }

    show() {
      this.classList.toggle("al-is-blind", this.blind);
      this.classList.toggle("al-playing", this.playing);
      this.picks.forEach((pick, index) => {
        const chosen = index === this.choice;
        this.rows[index].classList.toggle("al-chosen", chosen && this.rows.length > 1);
        pick.setAttribute("aria-pressed", String(chosen));
        pick.lastChild.textContent = this.blind ? letter(index) : this.names[index];
      });
      this.playButton.textContent = this.playing ? "Pause" : "Play";
      this.loopButton.setAttribute("aria-pressed", String(this.loop));
      this.blindButton.setAttribute("aria-pressed", String(this.blind));
      this.xButton.setAttribute("aria-pressed", String(this.choice === "x"));
      this.panel.hidden = !this.blind;
    }

    move() {
      const position = this.position;
      for (const cursor of this.cursors) cursor.style.left = `${(100 * position) / this.duration}%`;
      this.slider.value = position;
      const text = clock(position);
      if (this.time.data === text) return;
      this.time.data = text;
      const valueText = `${position.toFixed(1)} of ${this.duration.toFixed(1)} seconds`;
      if (!this.playing || text.endsWith(".0")) this.slider.setAttribute("aria-valuetext", valueText);
    }

    tick() {
      if (!this.playing) return;
      this.move();
      // Who asked for less motion gets a cursor that steps twice a second.
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (calm) setTimeout(() => this.tick(), 500);
      else requestAnimationFrame(() => this.tick());
    }

    key(event) {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const { key, target } = event;
      // A button that has the focus keeps the space bar, unless it stands for a track.
      if (key === " " && target.closest?.("button:not(.al-pick)")) return;
      const digit = /^[1-9]$/.test(key) ? Number(key) - 1 : -1;
      const lower = key.toLowerCase();
      if (key === " ") this.toggle();
      else if (digit >= 0 && digit < this.rows.length) this.choose(digit);
      else if (key === "ArrowLeft") this.seek(this.position - STEP_S);
      else if (key === "ArrowRight") this.seek(this.position + STEP_S);
      else if (key === "Home") this.seek(0);
      else if (key === "End") this.seek(this.duration);
      else if (lower === "l") this.setLoop(!this.loop);
      else if (lower === "b" && this.rows.length > 1) this.setBlind(!this.blind);
      else if (lower === "x" && this.blind) this.choose("x");
      else return;
      event.preventDefault();
      event.stopPropagation();
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") lastUsed = null;
    if (lastUsed?.isConnected && event.target === document.body) lastUsed.key(event);
  });

  Player.parts = { startAll, crossFade, equalLengths, chanceOf, bytesOf }; // for the tests
  customElements.define("audiolab-player", Player);
})();
