"use strict";
(() => {
  const toBytes = (text) => {
    const padded = text.replace(/-/g, "+").replace(/_/g, "/");
    return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
  };
  const toText = (buffer) => {
    const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte));
    return btoa(letters.join("")).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };
  const opened = (kind, options) => {
    const key = options.publicKey;
    key.challenge = toBytes(key.challenge);
    if (kind === "create") {
      key.user.id = toBytes(key.user.id);
    }
    for (const one of key.excludeCredentials || key.allowCredentials || []) {
      one.id = toBytes(one.id);
    }
    return { publicKey: key };
  };
  const written = (credential) => {
    const response = {};
    for (const name of ["attestationObject", "clientDataJSON", "authenticatorData", "signature", "userHandle"]) {
      const value = credential.response[name];
      if (value) {
        response[name] = toText(value);
      }
    }
    return JSON.stringify({
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      extensions: {},
      response,
    });
  };
  const send = async (url, csrf, body) => {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
      body,
    });
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    return answer.json();
  };
  const run = async (button) => {
    const { challenge, answer, csrf, next } = button.dataset;
    const asked = await send(challenge, csrf, "{}");
    const options = opened(asked.kind, asked.options);
    const credential = await navigator.credentials[asked.kind](options);
    await send(answer, csrf, written(credential));
    location.assign(next);
  };
  if (window.PublicKeyCredential) {
    for (const part of document.querySelectorAll("[data-passkey]")) {
      part.hidden = false;
      const button = part.querySelector("button");
      const problem = part.querySelector("[data-problem]");
      button.addEventListener("click", () => {
        problem.hidden = true;
        button.disabled = true;
        run(button).catch(() => {
          problem.hidden = false;
        }).finally(() => {
          button.disabled = false;
        });
      });
    }
  }
})();
(() => {
  // The log as it is written: new entries come on top of those that are there.
  const rows = document.querySelector("[data-live]");
  const state = document.getElementById("live-state");
  if (!rows || !state || !window.EventSource) return;
  const most = 200;
  const labels = [...rows.parentElement.querySelectorAll("thead th")].map((head) => head.textContent);
  const add = (parent, name, text, className) => {
    const element = document.createElement(name);
    element.textContent = text;
    if (className) element.className = className;
    parent.append(element);
    return element;
  };
  const cell = (row, label, first, second) => {
    const made = add(row, "td", first);
    made.dataset.label = label;
    if (second) {
      add(made, "br", "");
      made.append(second);
    }
    return made;
  };
  const show = (line) => {
    const row = document.createElement("tr");
    const head = add(row, "th", "");
    head.scope = "row";
    head.className = "when";
    const link = add(head, "a", "");
    link.href = "/log/entry/" + encodeURIComponent(line.id);
    add(link, "time", line.when).dateTime = line.at;
    const what = add(row, "td", "");
    add(what, "span", line.action, "state " + line.class);
    if (line.because) {
      add(what, "br", "");
      what.append(line.because);
    }
    cell(row, labels[2], line.place, line.address);
    cell(row, labels[3], line.site);
    cell(row, labels[4], line.who);
    add(cell(row, labels[5], ""), "span", line.reference, "code");
    rows.prepend(row);
    while (rows.children.length > most) rows.lastElementChild.remove();
  };
  const pause = document.getElementById("live-pause");
  // While paused: what came meanwhile, the newest of it.
  let waiting = null;
  let came = 0;
  const take = (lines) => {
    document.querySelector("[data-live-empty]")?.remove();
    rows.parentElement.hidden = false;
    lines.forEach(show);
  };
  const tell = () => {
    state.textContent = waiting ? state.dataset.paused + " " + came : state.dataset.running;
  };
  const toggle = () => {
    if (waiting) {
      take(waiting);
      waiting = null;
    } else {
      waiting = [];
      came = 0;
    }
    pause.textContent = waiting ? pause.dataset.goOn : pause.dataset.pause;
    if (source.readyState !== EventSource.CLOSED) tell();
    // It has ended meanwhile: there is nothing left to wait for.
    else if (!waiting) pause.hidden = true;
  };
  const source = new EventSource(rows.dataset.live);
  const end = () => {
    source.close();
    state.textContent = state.dataset.ended;
    pause.hidden = !waiting;
  };
  pause.addEventListener("click", toggle);
  source.onopen = () => {
    pause.hidden = false;
    tell();
  };
  source.addEventListener("entries", (event) => {
    const lines = JSON.parse(event.data);
    if (!waiting) return take(lines);
    came += lines.length;
    waiting = waiting.concat(lines).slice(-most);
    tell();
  });
  source.addEventListener("end", end);
  source.onerror = end;
})();
