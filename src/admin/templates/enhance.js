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
